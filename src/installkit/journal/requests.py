"""What clients ask of a supervisor: files in the run's folder, the only way in."""

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
    Somebody's wish that a run should stop.

    Attributes:
        now: Whether the running steps are stopped too; else they may end.
        by: Who asked.
    """

    at: datetime
    by: str
    now: bool = False


@attrs.frozen(kw_only=True)
class ApproveRequest:
    """
    Somebody's word that a step may start.

    Attributes:
        by: Who approves of what was done before it.
    """

    at: datetime
    by: str


def request_cancel(run: Path, request: CancelRequest) -> None:
    """
    Ask the supervisor of *run* to stop; asking for `now` overrides an earlier, milder request, or one in no known form.

    On a full disk `now` is asked for by a file without content, which needs no space: who owns it is who asked.

    Raises:
        StoreError: If the request could not be written.
    """
    earlier = _earlier(functools.partial(read_cancel, run))
    if earlier is None or (request.now and not earlier.now):
        with write_errors(run / CANCEL):
            _write(run, request)


def _write(run: Path, request: CancelRequest) -> None:
    try:
        write_atomic(run / CANCEL, "cancel", to_wire(request))
    except OSError as exc:
        if exc.errno not in DISK_FULL or not request.now:
            raise
        os.close(open_for(run / CANCEL_NOW, os.O_WRONLY))


def read_cancel(run: Path) -> CancelRequest | None:
    """
    Return what was asked of *run*; None if nothing was.

    Raises:
        StoreError: If the request cannot be read, is damaged, or a newer installkit wrote it.
    """
    if (now := _read_bare_request(run / CANCEL_NOW)) is not None:
        return now
    return _read(run / CANCEL, "cancel", CancelRequest)


def request_approval(run: Path, step: str, request: ApproveRequest) -> None:
    """
    Ask the supervisor of *run* to start *step*, which waits for it; who asked first is kept.

    Raises:
        StoreError: If the request could not be written.
    """
    path = approval_path(run, step)
    if _earlier(functools.partial(read_approval, run, step)) is None:
        with write_errors(path):
            write_atomic(path, "approve", to_wire(request))


def read_approval(run: Path, step: str) -> ApproveRequest | None:
    """
    Return who lets *step* of *run* start; None if nobody has yet.

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


def _read_bare_request(path: Path) -> CancelRequest | None:
    try:
        at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:
        return None
    return CancelRequest(at=at, by=_owner(path), now=True)


def _owner(path: Path) -> str:
    try:
        return path.owner()
    except KeyError:  # a user without a name
        return "unknown"


def _earlier(read: Callable[[], R | None]) -> R | None:
    try:
        return read()
    except StoreError:  # the run's supervisor has warned of it, and acts on nothing that it cannot read
        return None
