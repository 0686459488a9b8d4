"""Questions to Ansible's programs, whose output is parsed and not shown."""

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
    # A source that no plugin can read is an error; without this it would only be left out.
    "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1",
    # Vars files, and the vault passwords that they may need, are read only where an answer depends on them.
    "ANSIBLE_RUN_VARS_PLUGINS": "demand",
    # A pattern that matches nothing is an answer.
    "ANSIBLE_HOST_PATTERN_MISMATCH": "warning",
    # These would print between the lines that are read.
    "ANSIBLE_DEBUG": "0",
    "ANSIBLE_VERBOSITY": "0",
    # Ansible would also write its output to its log, with the passwords of an inventory.
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
"""Messages of an Ansible that cannot start in this environment at all, and what to do."""
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
        answers: Answers of any kind by question, as long as the caller keeps them; None remembers nothing there.
        on_wait: Called about once a second while Ansible has not answered yet, with the seconds since the question, and
            with None when the waiting is over.
    """

    timeout: float = TIMEOUT
    cache: Path | None = None
    answers: dict[str, Any] | None = attrs.field(default=None, repr=False)
    on_wait: Callable[[float | None], None] | None = None


@attrs.frozen
class Answer:
    """
    The answer of one of Ansible's programs.

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
        messages = []
        for paragraph in _PARAGRAPHS.split(_COLOUR.sub("", self.errors)):
            if _LABEL.match(paragraph):
                # the first lines are the message; an empty line, the source, and the same in more words follow
                first = re.split(r"\n\s*\n|\nOrigin: |\nTraceback ", paragraph, maxsplit=1)[0]
                text = " ".join(_LABEL.sub("", first).split())
                origins = [origin["place"].strip() for origin in _ORIGIN.finditer(paragraph)]
                place = max(origins, key=lambda origin: origin.count(":"), default=None)
                messages.append(Message(text, place, fatal=not paragraph.startswith("[WARNING]")))
        return tuple(messages)

    @property
    def warnings(self) -> tuple["Message", ...]:
        """The messages that did not end the program."""
        return tuple(message for message in self.messages if not message.fatal)

    @property
    def error(self) -> str:
        """Why the program failed, in a line that begins with `FILE:LINE:COLUMN: ` if Ansible names the place."""
        fatal = [str(message) for message in self.messages if message.fatal]
        return "; ".join(fatal) or f"Ansible ended with status {self.status} and gave no reason"


@attrs.frozen
class Message:
    """
    One error or warning of Ansible's.

    Attributes:
        text: One line.
        place: `FILE:LINE:COLUMN` or `FILE`; None if Ansible names none.
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
    Return the answer of *program*, one of Ansible's, in *folder*.

    Args:
        program: Such as `ansible-inventory`.
        arguments: Its options and operands.
        folder: Its current directory, whose ansible.cfg it reads.
        asking: Says how long it may take; after that it is killed with all that it started.
        script: A program for Ansible's own Python, run in place of *program* with the same options.
        settings: Environment variables of Ansible's for this question.
        vault: Vault passwords by label.

    Raises:
        PlanningError: If the answer needs a vault password that is not in *vault*.
        EngineError: If the program is missing, cannot start, as in a locale that Ansible refuses, or does not answer in
            time.
    """
    environment = {**question_environment(), **_SETTINGS, **(settings or {})}
    try:
        with _vault_pipes(vault) as (options, descriptors):
            start = [find_program(program)] if script is None else [*find_python(program), script]
            command = [*map(str, (*start, *arguments)), *options]
            answer = _run(command, folder, environment, asking, descriptors)
    except subprocess.TimeoutExpired as exc:
        raise EngineError(
            f"{program} gave no answer in {asking.timeout:g} seconds and was ended",
            remedy="look whether an inventory script or plugin of this site waits for something; if it is only slow, give"
            " it more time with --inventory-timeout, as 5m, or INSTALLKIT_INVENTORY_TIMEOUT",
        ) from exc
    except OSError as exc:
        raise EngineError(f"{program} could not be started in {folder}: {exc}") from exc
    if answer.status != 0:
        for message in answer.messages:
            for pattern, remedy in _UNFIT.items():
                if pattern.search(message.text):
                    raise EngineError(f"Ansible cannot start in this environment: {message.text}", remedy=remedy)
        refuse_locked(str(message) for message in answer.messages)
    return answer


def refuse_locked(messages: Iterable[str]) -> None:
    """Raise a `PlanningError` if one of Ansible's *messages* says that a vault password is missing."""
    if locked := next((message for message in messages if _LOCKED.search(message)), None):
        raise PlanningError(
            f"a vault password is needed: {locked}",
            remedy="give it with --ask-vault-pass, --vault-password-file or --vault-id, or keep it as the site's secret"
            " ansible_vault_password (ansible_vault_password:LABEL where the vault has one)",
        )


@contextlib.contextmanager
def _vault_pipes(passwords: Mapping[str, str]) -> Iterator[tuple[list[str], list[int]]]:
    """Yield Ansible's options for vault *passwords* by label, and descriptors for it to inherit: pipes, each read once."""
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


def _run(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], asking: Asking, descriptors: Sequence[int]
) -> Answer:
    # In a session of its own it cannot ask for a password at a terminal, and can be killed as a whole.
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
            output, errors = _communicate(process, asking)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    return Answer(process.returncode, output.decode(errors="replace"), errors.decode(errors="replace"))


def _communicate(process: "subprocess.Popen[bytes]", asking: Asking) -> tuple[bytes, bytes]:
    began = time.monotonic()
    on_wait, called = asking.on_wait, False
    try:
        while True:
            left = began + asking.timeout - time.monotonic()
            try:
                return process.communicate(timeout=left if on_wait is None else min(left, _TICK))
            except subprocess.TimeoutExpired:
                waited = time.monotonic() - began
                if on_wait is None or waited >= asking.timeout:
                    raise
                called = True
                on_wait(waited)
    finally:
        if called and on_wait is not None:
            on_wait(None)
