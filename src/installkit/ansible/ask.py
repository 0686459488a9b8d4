"""Questions to Ansible's programs, whose answers are read and not shown."""

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from installkit.ansible.programs import find_program, find_python, question_environment
from installkit.errors import EngineError, PlanningError

TIMEOUT = 60.0
"""Seconds that Ansible may take for an answer; only a slow inventory script takes more than two."""

_TICK = 1.0
"""Seconds between two calls of `Asking.on_wait`."""

_SETTINGS: Mapping[str, str] = {
    # A source that no plugin can read is an error, not an inventory that is quietly smaller.
    "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1",
    # Vars files, and the vault passwords that they may need, are read only where an answer depends on them.
    "ANSIBLE_RUN_VARS_PLUGINS": "demand",
    # A pattern that matches nothing is an answer.
    "ANSIBLE_HOST_PATTERN_MISMATCH": "warning",
    # These would print between the lines that are read.
    "ANSIBLE_DEBUG": "0",
    "ANSIBLE_VERBOSITY": "0",
    # Ansible writes what it prints to its log too, passwords of an inventory among it.
    "ANSIBLE_LOG_PATH": os.devnull,
}
NO_PASSWORDS: Mapping[str, str] = {}

_LOCKED = re.compile(r"no vault secrets (?:were )?found")
_UNFIT: Mapping[re.Pattern[str], str] = {
    re.compile(r"requires the (?:locale|filesystem) encoding|initialize the preferred locale"): (
        "set LC_ALL to a UTF-8 locale that `locale -a` lists, as C.UTF-8 or en_US.UTF-8"
    ),
    re.compile(r"Unable to create local directories"): (
        "let this user write there, or name another folder in ANSIBLE_LOCAL_TEMP (local_tmp in ansible.cfg)"
    ),
}
"""What Ansible says where it cannot start in this environment, whatever it is asked; and what to do."""
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_PARAGRAPHS = re.compile(r"^(?=\[(?:ERROR|WARNING)\]: |ERROR! |ERROR: )", re.MULTILINE)
_ORIGIN = re.compile(r"^Origin: (?P<place>/[^\n]*)$", re.MULTILINE)
_LABEL = re.compile(r"^(?:\[(?:ERROR|WARNING)\]|ERROR)[:!] ")


@attrs.frozen
class Asking:
    """
    How Ansible is asked.

    Attributes:
        timeout: Seconds that it may take for each answer.
        cache: Folder where answers about static inventories are remembered; None remembers nothing there.
        answers: Answers of any kind by question, for as long as the caller keeps them; None remembers nothing there.
        on_wait: Called about once a second while an answer is awaited, with the seconds since it was asked, and with
            None when the waiting is over.
    """

    timeout: float = TIMEOUT
    cache: Path | None = None
    answers: dict[str, Any] | None = attrs.field(default=None, repr=False)
    on_wait: Callable[[float | None], None] | None = None


@attrs.frozen
class Answer:
    """
    What a program of Ansible's said.

    Attributes:
        status: Its exit status.
        output: Its standard output.
        errors: Its standard error.
    """

    status: int
    output: str
    errors: str

    @property
    def messages(self) -> tuple["Message", ...]:
        """Its errors and warnings."""
        return tuple(_messages(self.errors))

    @property
    def warnings(self) -> tuple["Message", ...]:
        """The messages that did not end the program."""
        return tuple(message for message in self.messages if not message.fatal)

    @property
    def error(self) -> str:
        """Why the program failed, in a line that begins with `FILE:LINE:COLUMN: ` where Ansible says it."""
        fatal = [str(message) for message in self.messages if message.fatal]
        return "; ".join(fatal) or f"Ansible ended with status {self.status} and gave no reason"


@attrs.frozen
class Message:
    """
    One error or warning of Ansible's.

    Attributes:
        text: One line.
        place: `FILE:LINE:COLUMN` or `FILE`; None where Ansible names none.
    """

    text: str
    place: str | None
    fatal: bool

    def __str__(self) -> str:
        return f"{self.place}: {self.text}" if self.place else self.text


def ask(
    program: str,
    arguments: Sequence[str | Path],
    *,
    folder: Path,
    asking: Asking,
    script: Path | None = None,
    settings: Mapping[str, str] | None = None,
    vault: Mapping[str, str] = NO_PASSWORDS,
) -> Answer:
    """
    Return what *program* of Ansible's answers in *folder*.

    Args:
        program: As `ansible-inventory`.
        arguments: Its options and operands.
        folder: Its current directory, whose ansible.cfg it reads.
        asking: Says how long it may take; then it is ended with all that it started.
        script: What Ansible's own Python runs in place of *program*; it takes its options.
        settings: Environment variables of Ansible's for this question.
        vault: Vault passwords by label.

    Raises:
        PlanningError: If the answer takes a vault password that is not among *vault*.
        EngineError: If the program is not there, cannot be started, as in a locale that Ansible does not take, or gave no answer in time.
    """
    environment = {**question_environment(), **_SETTINGS, **(settings or {})}
    try:
        with _handed_over(vault) as (options, descriptors):
            start = [find_program(program)] if script is None else [*find_python(program), script]
            command = [*map(str, (*start, *arguments)), *options]
            answer = _finished(command, folder, environment, asking, descriptors)
    except subprocess.TimeoutExpired as exc:
        raise _timed_out(program, asking.timeout) from exc
    except OSError as exc:
        raise EngineError(f"{program} could not be started in {folder}: {exc}") from exc
    if answer.status != 0:
        _check_start(answer)
        refuse_locked(str(message) for message in answer.messages)
    return answer


def refuse_locked(messages: Iterable[str]) -> None:
    """Raise a `PlanningError` if one of *messages* of Ansible's says that it lacks a vault password."""
    if locked := next((message for message in messages if _LOCKED.search(message)), None):
        raise PlanningError(
            f"a vault password is needed: {locked}",
            remedy="give it with --ask-vault-pass, --vault-password-file or --vault-id, or keep it as the site's secret"
            " ansible_vault_password (ansible_vault_password:LABEL where the vault has one)",
        )


def _check_start(answer: Answer) -> None:
    for message in answer.messages:
        for said, remedy in _UNFIT.items():
            if said.search(message.text):
                raise EngineError(f"Ansible cannot start in this environment: {message.text}", remedy=remedy)


@contextlib.contextmanager
def _handed_over(passwords: Mapping[str, str]) -> Iterator[tuple[list[str], list[int]]]:
    """Give Ansible's options for vault *passwords* by label, and the descriptors to pass on: each is a pipe, read once."""
    with contextlib.ExitStack() as stack:
        options, descriptors = [], []
        for label, password in passwords.items():
            reader, writer = os.pipe()
            stack.callback(os.close, reader)
            with open(writer, "wb") as pipe:  # noqa: PTH123 - a descriptor
                pipe.write(password.encode())
            options.append(f"--vault-id={label}@/dev/fd/{reader}")
            descriptors.append(reader)
        yield options, descriptors


def _finished(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], asking: Asking, descriptors: Sequence[int]
) -> Answer:
    # A session of its own: nobody is asked for a password at a terminal, and the whole of it can be ended.
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        pass_fds=descriptors,
    ) as process:
        try:
            output, errors = _awaited(process, asking)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    return Answer(process.returncode, output.decode(errors="replace"), errors.decode(errors="replace"))


def _awaited(process: "subprocess.Popen[bytes]", asking: Asking) -> tuple[bytes, bytes]:
    begun = time.monotonic()
    tell = asking.on_wait
    told = False
    try:
        while True:
            left = begun + asking.timeout - time.monotonic()
            try:
                return process.communicate(timeout=left if tell is None else min(left, _TICK))
            except subprocess.TimeoutExpired:
                waited = time.monotonic() - begun
                if tell is None or waited >= asking.timeout:
                    raise
                told = True
                tell(waited)
    finally:
        if told and tell is not None:
            tell(None)


def _timed_out(program: str, timeout: float) -> EngineError:
    return EngineError(
        f"{program} gave no answer in {timeout:g} seconds and was ended",
        remedy="look whether an inventory script or plugin of this site waits for something; if it is only slow, give it"
        " more time with --inventory-timeout, as 5m, or INSTALLKIT_INVENTORY_TIMEOUT",
    )


def _messages(text: str) -> list[Message]:
    paragraphs = _PARAGRAPHS.split(_COLOUR.sub("", text))
    return [_message(paragraph) for paragraph in paragraphs if _LABEL.match(paragraph)]


def _message(paragraph: str) -> Message:
    # The first lines say it; then come an empty line, the source, and the same again in more words.
    first = re.split(r"\n\s*\n|\nOrigin: |\nTraceback ", paragraph, maxsplit=1)[0]
    origins = [found["place"].strip() for found in _ORIGIN.finditer(paragraph)]
    place = max(origins, key=lambda origin: origin.count(":"), default=None)
    return Message(" ".join(_LABEL.sub("", first).split()), place, fatal=not paragraph.startswith("[WARNING]"))
