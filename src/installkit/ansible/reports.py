r"""
The reports of our plugin in ansible-playbook, combined with the text in the terminal.

For each event the plugin appends a line of JSON to a file in the scratch folder, and puts its random `mark` around the
text that the event prints: `ESC [ K MARK <`, the text, `ESC [ K MARK >`. Everything else that looks like a mark is text,
since only the plugin can announce one:

    file      {"mark": "5f…", "event": "runner_on_ok", "created": …, "event_data": {…}}
    terminal  ESC[K5f…<ok: [db1]\n ESC[K5f…>          one event, with text `ok: [db1]\n`
    terminal  a task may print\n                       an event `verbose` of its own: text outside any event

An event is a dictionary `{"event", "text", "created", "event_data", "starts"}` in runner's words, `text` in bytes as it
was printed, `starts` with the (host, task uuid) that began since the event before; or it is `{"proof": …}`, without text,
about the end of a play (see `evidence`). The event `custom_stats` prints nothing, and is in the file alone. Events come
in the order in which the plugin wrote them.
"""

import ctypes
import json
import os
import re
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

Report = dict[str, Any]

BYTES = "latin-1"
"""The encoding to read the terminal with: each character is one byte, and none is ever held back or lost."""

_MARK = re.compile(rb"\x1b\[K([0-9a-f]{32})([<>])")
_MARK_SIZE = 36
_LINE = re.compile(rb"[^\n]*\n|[^\n]+")
_CHUNK = 1 << 20
_PUNCH_HOLE = 0x01 | 0x02  # FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE. Source: linux/falloc.h
_fallocate = ctypes.CDLL(None).fallocate
_fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)


class Reports:
    """
    The file that the plugin writes, read once and in order.

    Reading erases: the disk space is free again, and secrets that a task printed do not stay in the file.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._partial = b""
        self._unread: deque[Report] = deque()
        self._announced: set[str] = set()
        self._size = 0

    @classmethod
    def begin(cls, folder: Path, allowed: frozenset[str] | None, *, keep_facts: bool = False) -> "Reports":
        """
        Make the files in *folder* that the plugin reads and writes.

        Args:
            folder: Made if it is not there.
            allowed: The hosts that plays may hold; None for any.
            keep_facts: Whether the facts that are gathered are reported, too.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if keep_facts:
            (folder / "keep-facts").touch()
        (folder / "allowed").write_text(json.dumps(None if allowed is None else sorted(allowed)))
        return cls(folder / "events")

    def until(self, mark: str) -> list[Report]:
        """Return the reports up to the event with *mark*; [] if there is none, and then everything stays unread."""
        while mark not in self._announced:
            if not self._fill():
                return []
        reports = [self._unread.popleft()]
        while reports[-1].get("mark") != mark:
            reports.append(self._unread.popleft())
        self._announced.difference_update(report["mark"] for report in reports if "mark" in report)
        return reports

    def rest(self) -> list[Report]:
        """Return the reports that were not read yet, without a line that is not complete."""
        while self._fill():
            pass
        reports, self._unread = list(self._unread), deque()
        return reports

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _fill(self) -> bool:
        data = os.pread(self._file, _CHUNK, self._size)
        # make what was read a hole, or zeros where the file system cannot
        if data and _fallocate(self._file, _PUNCH_HOLE, self._size, len(data)) != 0:
            os.pwrite(self._file, bytes(len(data)), self._size)
        self._size += len(data)
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            try:
                report = json.loads(line)
            except (ValueError, RecursionError):
                continue  # a line that cannot be read costs no other
            self._unread.append(report)
            if "mark" in report:
                self._announced.add(report["mark"])
        return bool(data)


class Terminal:
    """
    Takes what ansible-playbook prints, and passes on events with their text.

    It replaces runner's `OutputEventFilter`, and has its methods.
    """

    def __init__(
        self, reports: Reports, _handle: object, on_event: Callable[[Report], None], *_: object, **__: object
    ) -> None:
        self._reports = reports
        self._on_event = on_event
        self._buffer = bytearray()
        self._searched = 0
        self._event: Report | None = None

    def flush(self) -> None:
        """Do nothing: all complete events were passed on."""

    def write(self, data: str) -> None:
        """Take *data* from pexpect, one character for each byte."""
        self._buffer += data.encode(BYTES)
        begin = 0  # of the text that was not passed on yet
        for match in _MARK.finditer(bytes(self._buffer[self._searched :])):
            start, end = match.start() + self._searched, match.end() + self._searched
            mark, closing = match[1].decode(), match[2] == b">"
            announced = [] if closing else self._reports.until(mark)
            if announced:
                self._end(bytes(self._buffer[begin:start]))
                *before, self._event = announced
                for report in before:
                    self._on_event({"text": b"", **report})
            elif closing and self._event is not None and self._event["mark"] == mark:
                self._end(bytes(self._buffer[begin:start]))
            else:
                continue  # it is text
            begin = end
        del self._buffer[:begin]
        if self._event is None and (lines := self._buffer.rfind(b"\n") + 1):
            self._end(bytes(self._buffer[:lines]))
            del self._buffer[:lines]
        self._searched = max(0, len(self._buffer) - _MARK_SIZE + 1)

    def close(self) -> None:
        """Pass on the rest: ansible-playbook has ended."""
        self._end(bytes(self._buffer))
        self._buffer.clear()
        for report in self._reports.rest():
            self._on_event({"text": b"", **report})

    def _end(self, text: bytes) -> None:
        event, self._event = self._event, None
        if event is not None:
            self._on_event({**event, "text": text})
            return
        for line in _LINE.findall(text):
            self._on_event({"event": "verbose", "text": line})
