"""
ansible-runner, as used here: the only module that imports it.

We use subclasses of `RunnerConfig` and `Runner`, never `run()`, which leaves secrets on disk, takes over signal handlers
and may exit the process. Every subclass below corrects something, which its docstring names.
"""

import functools
import os
import signal
import termios
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ansible_runner
import ansible_runner.runner
import attrs
import pexpect
from ansible_runner.config.runner import RunnerConfig
from ansible_runner.runner import Runner

from installkit.ansible.reports import BYTES, Reports, Terminal
from installkit.errors import EngineError
from installkit.processes import die_with_parent

POLL = 0.25
"""Seconds between two checks whether the run should stop, while nothing is printed."""

LINGER = 0.5
"""Seconds without a byte after which we stop reading a terminal that a leftover process still has open."""

_PLUGINS = Path(__file__).parent / "plugins/callback"
_DEFAULT_PLUGINS = "{}/plugins/callback:/usr/share/ansible/plugins/callback"  # Source: ansible's base.yml


@attrs.frozen(kw_only=True)
class Invocation:
    """
    One call of ansible-playbook.

    Attributes:
        command: The whole command line.
        folder: Where it runs.
        scratch: A folder for this call alone, private to its owner, on tmpfs if there is one.
        allowed: The hosts that its plays may hold; None for any.
        keep_facts: Whether the facts that it gathers are reported.
        environment: The caller's, with our settings.
        umask: The caller's.
    """

    command: Sequence[str]
    folder: Path
    scratch: Path
    environment: Mapping[str, str]
    umask: int
    allowed: frozenset[str] | None = None
    keep_facts: bool = False


def reporting(environment: Mapping[str, str], scratch: Path) -> dict[str, str]:
    """Return the variables with which ansible-playbook, in *environment*, reports into *scratch*; see `Reports`."""
    default = _DEFAULT_PLUGINS.format(environment.get("ANSIBLE_HOME", "~/.ansible"))
    theirs = environment.get("ANSIBLE_CALLBACK_PLUGINS", default)
    return {
        "ANSIBLE_CALLBACK_PLUGINS": os.pathsep.join(filter(None, (theirs, str(_PLUGINS)))),
        "INSTALLKIT_EVENTS": str(scratch),
    }


class _Terminal(pexpect.spawn):
    """
    The pseudo-terminal of ansible-playbook.

    Unlike plain pexpect: it dies with the step; its output is never changed, nor lost when a handler is slow
    (ansible-runner#1343); it does not sleep after each read and before the close.
    """

    def __init__(self, command: str, args: list[str], *, umask: int, **options: Any) -> None:
        prepare = functools.partial(_prepare_child, os.getpid(), umask)
        self._received = 0
        super().__init__(command, args, preexec_fn=prepare, **{**options, "encoding": BYTES})
        self.delayafterread = None
        self.ptyproc.delayafterclose = 0

    def read_nonblocking(self, size: int = 1, timeout: float | None = -1) -> Any:
        data = super().read_nonblocking(size, timeout)
        self._received += len(data)
        return data

    def expect(self, pattern: Any, timeout: float = -1, **options: Any) -> Any:
        if pattern is not pexpect.EOF:
            return super().expect(pattern, timeout=timeout, **options)
        while True:  # the process has ended: the rest of the output comes without a pause
            before = self._received
            try:
                return super().expect(pattern, timeout=LINGER)
            except pexpect.TIMEOUT:
                if self._received == before:
                    return None


def _prepare_child(parent: int, umask: int) -> None:
    os.umask(umask)
    modes = termios.tcgetattr(1)
    modes[1] &= ~termios.OPOST  # the terminal must not add carriage returns to what was printed
    termios.tcsetattr(1, termios.TCSANOW, modes)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGPIPE, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    die_with_parent(parent)


class _Pexpect:
    """Replaces the module `pexpect` in runner, so that runner uses our terminal."""

    def __init__(self, spawn: Callable[..., _Terminal]) -> None:
        self.spawn = spawn

    def __getattr__(self, name: str) -> Any:
        return getattr(pexpect, name)


class _Config(RunnerConfig):
    """Takes the whole command line from us; its only file is `command`, which is removed with the scratch folder."""

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation
        super().__init__(
            str(invocation.scratch),
            project_dir=str(invocation.folder),
            ident=str(uuid.uuid4()),
            playbook="unused",
            quiet=True,
            suppress_env_files=True,
            fact_cache_type="memory",
            # A pattern that every event contains lets `expect` return, so that its buffer does not grow.
            passwords={r"\x1b\[K": None},
        )

    env: dict[str, str]

    def prepare_env(self) -> None:
        super().prepare_env()
        self.pexpect_timeout = POLL
        self.suppress_output_file = self.suppress_ansible_output = True
        environment = self._invocation.environment
        self.env = {
            **environment,
            "ANSIBLE_RETRY_FILES_ENABLED": self.env["ANSIBLE_RETRY_FILES_ENABLED"],
            **reporting(environment, self._invocation.scratch),
        }

    def generate_ansible_command(self) -> list[str]:
        super().generate_ansible_command()  # for the execution mode that it sets
        return list(self._invocation.command)


class _Runner(Runner):
    """Passes on the events of our terminal; runner itself would look for files of a callback plugin that we do not use."""

    def event_callback(self, event_data: dict[str, Any]) -> None:
        if event_data.get("event") != "EOF":
            self.event_handler(event_data)


class Playbook:
    """One carrying-out of ansible-playbook, in the calling process's only thread."""

    def __init__(
        self, invocation: Invocation, on_event: Callable[[dict[str, Any]], None], should_end: Callable[[], bool]
    ) -> None:
        """
        Prepare the call.

        Args:
            invocation: What to run.
            on_event: Gets each event, which `installkit.ansible.reports` describes.
            should_end: Called often; true kills ansible-playbook at once.
        """
        self._terminal: _Terminal | None = None
        self._invocation = invocation
        self._on_event = on_event
        self._should_end = should_end
        self._fault: OSError | None = None

    @property
    def pid(self) -> int | None:
        """Process id of ansible-playbook, a child of this process; None before its start and after its end."""
        terminal = self._terminal
        return terminal.pid if terminal is not None and not terminal.closed and terminal.isalive() else None

    def run(self) -> int | None:
        """
        Run to the end and return the exit status; None if a signal killed it.

        Raises:
            EngineError: If Ansible could not be started, runner broke off, or *on_event* could not write.
        """
        with _engine_errors():
            config = _Config(self._invocation)
            config.prepare()
            runner = _Runner(config, event_handler=self._handle, cancel_callback=self._should_end)
            ansible_runner.runner.pexpect = _Pexpect(self._spawn)
            call = self._invocation
            reports = Reports.begin(call.scratch, call.allowed, keep_facts=call.keep_facts)
            ansible_runner.runner.OutputEventFilter = functools.partial(Terminal, reports)
            runner.run()
            if self._fault is not None:
                raise EngineError(f"what Ansible printed could not be kept: {self._fault}") from self._fault
        terminal = self._terminal
        return None if terminal is None else terminal.exitstatus

    def _spawn(self, command: str, args: list[str], **options: Any) -> _Terminal:
        self._terminal = _Terminal(command, args, umask=self._invocation.umask, **options)
        return self._terminal

    def _handle(self, event: dict[str, Any]) -> bool:
        try:
            self._on_event(event)
        except OSError as exc:  # runner would ignore it silently; the play is not to blame, and goes on
            self._fault = self._fault or exc
        return False  # runner writes no file for it


@contextmanager
def _engine_errors() -> Any:
    try:
        yield
    except (ansible_runner.AnsibleRunnerException, pexpect.ExceptionPexpect, OSError) as exc:
        raise EngineError(f"ansible-runner broke off: {exc}") from exc
    except SystemExit as exc:
        raise EngineError("ansible-runner gave up before it started Ansible") from exc
