"""The words that are stored; their sets are complete, and words never change."""

from collections.abc import Mapping
from enum import StrEnum


class RunStatus(StrEnum):
    """
    The life of a run.

    `FAILED` is Ansible's verdict; `INTERRUPTED` means that the end is unknown. `WAITING` is for an approval.
    """

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    TIMED_OUT = "timed_out"
    INTERRUPTED = "interrupted"

    @property
    def final(self) -> bool:
        """Whether no other status can follow."""
        return not NEXT_RUN_STATUSES[self]


NEXT_RUN_STATUSES: Mapping[RunStatus, frozenset[RunStatus]] = {
    RunStatus.PENDING: frozenset(
        {RunStatus.RUNNING, RunStatus.CANCELED, RunStatus.FAILED, RunStatus.TIMED_OUT, RunStatus.INTERRUPTED}
    ),
    RunStatus.RUNNING: frozenset(
        {
            RunStatus.WAITING,
            RunStatus.SUCCEEDED,
            RunStatus.FAILED,
            RunStatus.CANCELED,
            RunStatus.TIMED_OUT,
            RunStatus.INTERRUPTED,
        }
    ),
    RunStatus.WAITING: frozenset(
        {RunStatus.RUNNING, RunStatus.FAILED, RunStatus.CANCELED, RunStatus.TIMED_OUT, RunStatus.INTERRUPTED}
    ),
    RunStatus.SUCCEEDED: frozenset(),
    RunStatus.FAILED: frozenset(),
    RunStatus.CANCELED: frozenset(),
    RunStatus.TIMED_OUT: frozenset(),
    RunStatus.INTERRUPTED: frozenset(),
}


class StepStatus(StrEnum):
    """The life of a step: the words of a run, and `SKIPPED` for a step that never started."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    TIMED_OUT = "timed_out"
    INTERRUPTED = "interrupted"
    SKIPPED = "skipped"

    @property
    def final(self) -> bool:
        """Whether no other status can follow."""
        return self not in {StepStatus.PENDING, StepStatus.RUNNING, StepStatus.WAITING}

    @property
    def ahead(self) -> bool:
        """Whether the step has not started yet, but still may."""
        return self in {StepStatus.PENDING, StepStatus.WAITING}

    @property
    def carried_out(self) -> bool:
        """Whether the step has started and ended, successful or not."""
        return self.final and self is not StepStatus.SKIPPED


class HostStatus(StrEnum):
    """The status of one host in a step."""

    PENDING = "pending"
    RUNNING = "running"
    OK = "ok"
    CHANGED = "changed"
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    SKIPPED = "skipped"
    UNFINISHED = "unfinished"

    @property
    def good(self) -> bool:
        """Whether the host ended well."""
        return self in {HostStatus.OK, HostStatus.CHANGED, HostStatus.SKIPPED}

    @property
    def ended_badly(self) -> bool:
        """Whether Ansible's verdict on the host is bad."""
        return self in {HostStatus.FAILED, HostStatus.UNREACHABLE}


class InstallationStatus(StrEnum):
    """The status of one component on one host; after an uninstall there is no row."""

    CHANGING = "changing"
    INSTALLED = "installed"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Action(StrEnum):
    """What is done to a component."""

    INSTALL = "install"
    UPGRADE = "upgrade"
    CONFIGURE = "configure"
    START = "start"
    STOP = "stop"
    RESTART = "restart"
    VERIFY = "verify"
    CHECK = "check"
    BACKUP = "backup"
    ROLLBACK = "rollback"
    UNINSTALL = "uninstall"
    RECORD = "record"
    FORGET = "forget"

    @property
    def bookkeeping(self) -> bool:
        """Whether it changes only the record: it records what is already there, or forgets it."""
        return self in {Action.RECORD, Action.FORGET}

    @property
    def changes_hosts(self) -> bool:
        """Whether it may change a host."""
        return not self.read_only and not self.bookkeeping

    @property
    def read_only(self) -> bool:
        """Whether it leaves the hosts as they are, and so needs no lock and leaves no record."""
        return self in {Action.VERIFY, Action.CHECK}


class Reason(StrEnum):
    """Why a component changes on a host. `REQUIRED` is followed by ` by NAME` on the wire."""

    REQUESTED = "requested"
    REQUIRED = "required"
    PARAMETERS_CHANGED = "parameters changed"
    REPAIR = "repair"
    NEW_HOST = "new host"
    FORCED = "forced"


class EventKind(StrEnum):
    """What happened in a run."""

    RUN_STARTED = "run_started"
    STEP_STARTED = "step_started"
    PLAY_STARTED = "play_started"
    TASK_STARTED = "task_started"
    TASK_RESULT = "task_result"
    ITEM_RESULT = "item_result"
    OUTPUT = "output"
    WARNING = "warning"
    APPROVAL_REQUESTED = "approval_requested"
    APPROVED = "approved"
    CANCEL_REQUESTED = "cancel_requested"
    STEP_FINISHED = "step_finished"
    RUN_FINISHED = "run_finished"


class ResultStatus(StrEnum):
    """The `status` of a task_result or item_result event; `ignored` is a flag in its data."""

    OK = "ok"
    CHANGED = "changed"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNREACHABLE = "unreachable"


class EventStatus(StrEnum):
    """The `status` of an event: of a result, or of a step or run that has ended."""

    OK = "ok"
    CHANGED = "changed"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNREACHABLE = "unreachable"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"
    TIMED_OUT = "timed_out"
    INTERRUPTED = "interrupted"


class Scope(StrEnum):
    """What a token allows: to read; also to plan, run and stop; also to change sites' code and to manage tokens."""

    READ = "read"
    OPERATE = "operate"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        """Its position, from 0."""
        return list(Scope).index(self)


class CheckStatus(StrEnum):
    """The result of a check."""

    PASS = "pass"  # noqa: S105 - no password: a status
    WARN = "warn"
    FAIL = "fail"


class FindingStatus(StrEnum):
    """What the doctor thinks of one thing."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class InventoryKind(StrEnum):
    """Who edits a site's inventory: `FILE` its owner, where it lies; `STORE` people through installkit."""

    FILE = "file"
    STORE = "store"


class OriginLevel(StrEnum):
    """Where a value comes from, lowest first."""

    DEFAULT = "default"
    INVENTORY = "inventory"
    SITE = "site"
    GROUP = "group"
    HOST = "host"
    REQUEST = "request"


class OnChange(StrEnum):
    """The action for a changed value; `FIXED` refuses the change after the first install."""

    CONFIGURE = "configure"
    RESTART = "restart"
    FIXED = "fixed"


class FailureCode(StrEnum):
    """The kinds of failures; each has a page in the docs."""

    TASK_FAILED = "task_failed"
    HOST_UNREACHABLE = "host_unreachable"
    HOST_UNFINISHED = "host_unfinished"
    HOST_UNPLANNED = "host_unplanned"
    NOTHING_RAN = "nothing_ran"
    NO_HOST_MATCHED = "no_host_matched"
    PLAYBOOK_INVALID = "playbook_invalid"
    PLAYBOOK_CHANGED = "playbook_changed"
    ANSIBLE_MISSING = "ansible_missing"
    ANSIBLE_BROKE_OFF = "ansible_broke_off"
    CHECK_FAILED = "check_failed"
    SECRET_MISSING = "secret_missing"  # noqa: S105 - no password: a code
