"""The files of a run, its only truth; no other module knows their names or their format."""

from installkit.journal.bells import Bell, Bells
from installkit.journal.carrier import carried_elsewhere, is_carried_here, write_carrier
from installkit.journal.files import CANNOT_WRITE, SUPERVISOR_ERRORS, WhenFull, is_run_id, wait, write_errors
from installkit.journal.locks import Lock, announce, lock_is_held, read_holder, read_starter, take_lock, write_holder
from installkit.journal.prune import is_pruned, prunable_size, prune_journal, remove_unnamed
from installkit.journal.reader import (
    EventReader,
    Journal,
    JournalEvent,
    LogReader,
    Reader,
    fitting,
    follow,
    in_order,
    list_journals,
    parse_event,
)
from installkit.journal.requests import (
    ApproveRequest,
    CancelRequest,
    read_approval,
    read_cancel,
    request_approval,
    request_cancel,
)
from installkit.journal.watch import LOOK, Watch
from installkit.journal.writer import (
    JournalWriter,
    LogWriter,
    append_facts,
    create_journal,
    encode_event,
    open_journal,
)

__all__ = [
    "CANNOT_WRITE",
    "LOOK",
    "SUPERVISOR_ERRORS",
    "ApproveRequest",
    "Bell",
    "Bells",
    "CancelRequest",
    "EventReader",
    "Journal",
    "JournalEvent",
    "JournalWriter",
    "Lock",
    "LogReader",
    "LogWriter",
    "Reader",
    "Watch",
    "WhenFull",
    "announce",
    "append_facts",
    "carried_elsewhere",
    "create_journal",
    "encode_event",
    "fitting",
    "follow",
    "in_order",
    "is_carried_here",
    "is_pruned",
    "is_run_id",
    "list_journals",
    "lock_is_held",
    "open_journal",
    "parse_event",
    "prunable_size",
    "prune_journal",
    "read_approval",
    "read_cancel",
    "read_holder",
    "read_starter",
    "remove_unnamed",
    "request_approval",
    "request_cancel",
    "take_lock",
    "wait",
    "write_carrier",
    "write_errors",
    "write_holder",
]
