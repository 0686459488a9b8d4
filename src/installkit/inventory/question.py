"""Questions to Ansible's programs, whose answers are read and not shown."""

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from installkit.errors import EngineError, PlanningError
from installkit.programs import find_program, question_environment

TIMEOUT = 60.0
"""Seconds that Ansible may take for an answer; only a slow inventory script takes more than two."""

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
class Answer:
    """
    What a program of Ansible's said.

    Attributes:
        status: Its exit status.
        output: Its standard output.
        messages: Its errors and warnings.
    """

    status: int
    output: str
    messages: tuple["Message", ...]

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
    timeout: float,
    settings: Mapping[str, str] | None = None,
    vault: Mapping[str, str] = NO_PASSWORDS,
) -> Answer:
    """
    Return what *program* of Ansible's answers in *folder*.

    Args:
        program: As `ansible-inventory`.
        arguments: Its options and operands.
        folder: Its current directory, whose ansible.cfg it reads.
        timeout: Seconds; then it is ended with all that it started.
        settings: Environment variables of Ansible's for this question.
        vault: Vault passwords by label.

    Raises:
        PlanningError: If the answer takes a vault password that is not among *vault*.
        EngineError: If the program is not there, cannot be started, as in a locale that Ansible does not take, or gave no answer in time.
    """
    environment = {**question_environment(), **_SETTINGS, **(settings or {})}
    try:
        with _handed_over(vault) as (options, descriptors):
            command = [str(find_program(program)), *options, *map(str, arguments)]
            status, output, errors = _finished(command, folder, environment, timeout, descriptors)
    except subprocess.TimeoutExpired as exc:
        raise _timed_out(program, timeout) from exc
    except OSError as exc:
        raise EngineError(f"{program} could not be started in {folder}: {exc}") from exc
    answer = Answer(status, output, tuple(_messages(errors)))
    if status != 0:
        _check_start(answer)
    if status != 0 and (locked := [message for message in answer.messages if _LOCKED.search(message.text)]):
        raise PlanningError(
            f"a vault password is needed: {locked[0]}",
            remedy="give it with --ask-vault-pass, --vault-password-file or --vault-id, or keep it as the site's secret"
            " ansible_vault_password (ansible_vault_password:LABEL where the vault has one)",
        )
    return answer


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
    command: Sequence[str], folder: Path, environment: Mapping[str, str], timeout: float, descriptors: Sequence[int]
) -> tuple[int, str, str]:
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
            output, errors = process.communicate(timeout=timeout)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    return process.returncode, output.decode(errors="replace"), errors.decode(errors="replace")


def _timed_out(program: str, timeout: float) -> EngineError:
    return EngineError(
        f"{program} gave no answer in {timeout:g} seconds and was ended",
        remedy="look whether an inventory script or plugin of this site waits for something",
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
