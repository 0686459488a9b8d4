"""Requests of clients to a supervisor: files in the run's folder, which are the only way to reach it."""

import functools
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import attrs

from installkit.errors import StoreError
from installkit.journal.files import (
    CANCEL,
    CANCEL_NOW,
    DISK_FULL,
    approval_path,
    open_for,
    read_written,
    write_atomic,
    write_errors,
)
from installkit.model import from_wire, to_wire

R = TypeVar("R", "CancelRequest", "ApproveRequest")


@attrs.frozen(kw_only=True)
class CancelRequest:
    """
    Somebody's request that a run should stop.

    Attributes:
        now: Whether the running steps are stopped too; else they may end.
        by: Who requested it.
    """

    at: datetime
    by: str
    now: bool = False


@attrs.frozen(kw_only=True)
class ApproveRequest:
    """
    Somebody's approval that a step may start.

    Attributes:
        by: Who approves of the steps before it.
    """

    at: datetime
    by: str


def request_cancel(run: Path, request: CancelRequest) -> None:
    """
    Ask the supervisor of *run* to stop; with `now` the request replaces an earlier one without it or an unreadable one.

    On a full disk a request for `now` is a file without content, which needs no space; its owner is who requested it.

    Raises:
        StoreError: If the request could not be written.
    """
    earlier = _earlier(functools.partial(read_cancel, run))
    if earlier is None or (request.now and not earlier.now):
        with write_errors(run / CANCEL):
            try:
                write_atomic(run / CANCEL, "cancel", to_wire(request))
            except OSError as exc:
                if exc.errno not in DISK_FULL or not request.now:
                    raise
                os.close(open_for(run / CANCEL_NOW, os.O_WRONLY))


def read_cancel(run: Path) -> CancelRequest | None:
    """
    Return the request to cancel *run*; None if there is none.

    Raises:
        StoreError: If the request cannot be read, is damaged, or a newer installkit wrote it.
    """
    bare = run / CANCEL_NOW
    try:
        at = datetime.fromtimestamp(bare.stat().st_mtime, UTC)
    except FileNotFoundError:
        return _read(run / CANCEL, "cancel", CancelRequest)
    try:
        by = bare.owner()
    except KeyError:  # a user without a name
        by = "unknown"
    return CancelRequest(at=at, by=by, now=True)


def request_approval(run: Path, step: str, request: ApproveRequest) -> None:
    """
    Ask the supervisor of *run* to start *step*, which waits for approval; the first approval is kept.

    Raises:
        StoreError: If the request could not be written.
    """
    path = approval_path(run, step)
    if _earlier(functools.partial(read_approval, run, step)) is None:
        with write_errors(path):
            write_atomic(path, "approve", to_wire(request))


def read_approval(run: Path, step: str) -> ApproveRequest | None:
    """
    Return the approval of *step* of *run*; None if nobody has approved it yet.

    Raises:
        StoreError: As `read_cancel`.
    """
    return _read(approval_path(run, step), "approve", ApproveRequest)


def _read(path: Path, name: str, cls: type[R]) -> R | None:
    data = read_written(path, name)
    try:
        return None if data is None else from_wire(cls, data)
    except ValueError as exc:
        raise StoreError(f"{path} is damaged: {exc}") from exc


def _earlier(read: Callable[[], R | None]) -> R | None:
    try:
        return read()
    except StoreError:  # the run's supervisor has warned of it, and ignores what it cannot read
        return None
