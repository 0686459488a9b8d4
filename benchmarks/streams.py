"""
P5, P6, P7, P9: what it takes to serve a log, live and long ago.

    python benchmarks/streams.py [--rounds 5] [--only P5,P7] [--output raw.json]

P5  full replay of 100,000 lines as chunked text, against Starlette's FileResponse on the same file, and against a page
    that asks for 800 characters every 50 ms
P6  the same as server-sent events, against P5
P7  a line written by a run until it is at each of 20 viewers, against `tail -f` on the file
P9  memory of the service and time of its quick viewers, with 80 slow ones beside them, on a log of 100 MB
"""

import argparse
import http.client
import json
import selectors
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from journals import NOW, STEP, write_journal

import installkit
from installkit.journal import JournalWriter, LogWriter, encode_event, open_journal, take_lock
from installkit.model import time_to_wire

LINE = b"\x1b[0;32mok: [host1] => (item=/etc/mysql/conf.d/tuning.cnf) and what else is said\x1b[0m\n"
REPLACED = 800 / 0.05
"""Bytes a second of the page that asked for 800 characters every 50 ms."""
VIEWERS = 20
FILE_SERVER = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import FileResponse
from starlette.routing import Route
app = Starlette(routes=[Route("/", lambda request: FileResponse(sys.argv[1]))])
uvicorn.run(app, port=int(sys.argv[2]), log_level="error")
"""


class Service:
    """The service on a data directory, in a process of its own."""

    def __init__(self, data: Path) -> None:
        command = [sys.executable, "-m", "installkit_http", "--data-dir", str(data), "--port", "0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        if self.process.stdout is None:
            raise RuntimeError("the service has no output")
        url = urlsplit(self.process.stdout.readline().split()[-1])
        self.port = url.port or 0
        self._wait_until_ready()
        self.headers = {"authorization": f"Bearer {(data / 'access-token').read_text().strip()}"}

    def _wait_until_ready(self) -> None:
        while True:
            with closing(http.client.HTTPConnection("127.0.0.1", self.port)) as connection:
                connection.request("GET", "/readyz")
                if connection.getresponse().status == http.HTTPStatus.OK:
                    return
            time.sleep(0.05)

    def open(self, path: str, accept: str = "text/plain") -> http.client.HTTPResponse:
        """Return the answer to a GET, not yet read."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        connection.request("GET", path, headers={**self.headers, "accept": accept})
        answer = connection.getresponse()
        if answer.status != http.HTTPStatus.OK:
            raise RuntimeError(f"{path}: {answer.status} {answer.read()!r}")
        return answer

    def memory(self) -> int:
        """Return its resident memory in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024


@contextmanager
def service(data: Path) -> Iterator[Service]:
    """Serve *data* for a while."""
    started = Service(data)
    try:
        yield started
    finally:
        started.process.terminate()
        started.process.wait()


def make_data(folder: Path, size: int) -> Path:
    """Return a data directory with one finished run, `000000000001`, whose step printed about *size* bytes."""
    data = folder / "data"
    with installkit.Installer(data) as installer:
        write_journal(data / "runs", "000000000001", 1000, finished=True, log=LINE * (size // len(LINE)))
        installer.reindex()
    return data


def log_path(run: str) -> str:
    """Return where the log of *run*'s step is served."""
    return f"/api/v1/runs/{run}/steps/{STEP}/log"


def drain(answer: http.client.HTTPResponse) -> int:
    """Read *answer* to its end, and return how many bytes came."""
    read = 0
    with answer:
        while chunk := answer.read1(1 << 16):
            read += len(chunk)
    return read


def rate(open_it: Callable[[], http.client.HTTPResponse], size: int, *, exact: bool) -> float:
    """Return the bytes of the log that came each second, having seen that all came."""
    began = time.perf_counter()
    came = drain(open_it())
    took = time.perf_counter() - began
    if came < size or (exact and came != size):
        raise RuntimeError(f"{came} of {size} bytes came")
    return size / took


@contextmanager
def file_server(path: Path) -> Iterator[Callable[[], http.client.HTTPResponse]]:
    """Serve one file by Starlette's FileResponse; yield how to ask for it."""
    port = 18484
    process = subprocess.Popen([sys.executable, "-c", FILE_SERVER, str(path), str(port)])

    def _open() -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        connection.request("GET", "/")
        return connection.getresponse()

    try:
        for _ in range(200):
            try:
                drain(_open())
                break
            except OSError:
                time.sleep(0.05)
        yield _open
    finally:
        process.terminate()
        process.wait()


def replay(folder: Path, rounds: int) -> dict[str, list[float]]:
    """P5 and P6: bytes a second of each way, the ways taking turns."""
    data = make_data(folder, 100_000 * len(LINE))
    file = data / "runs" / "000000000001" / "logs" / f"{STEP}.log"
    size, path = file.stat().st_size, log_path("000000000001")
    rates: dict[str, list[float]] = {"FileResponse": [], "text": [], "SSE": []}
    with service(data) as ours, file_server(file) as plain:
        for _ in range(rounds):
            rates["FileResponse"].append(rate(plain, size, exact=True))
            rates["text"].append(rate(lambda: ours.open(path), size, exact=True))
            rates["SSE"].append(rate(lambda: ours.open(path, "text/event-stream"), size, exact=False))
    limit, text, events = (statistics.median(values) for values in rates.values())
    print(f"P5  text {text / 1e6:.0f} MB/s = {text / limit:.2f} x FileResponse (wanted 0.5)", end="")
    print(f" = {text / REPLACED:,.0f} x the page that polls (wanted 5,000)")
    print(f"P6  SSE {events / 1e6:.0f} MB/s = {events / text:.2f} x text (wanted 0.3)")
    return rates


@contextmanager
def live_run(data: Path) -> Iterator[tuple[str, LogWriter, JournalWriter]]:
    """Yield the id, the log and the events of a run that is under way as long as this lasts."""
    run = "000000000002"
    with installkit.Installer(data) as installer:
        write_journal(data / "runs", run, 2, finished=False)
        lock = take_lock(data / "runs" / run / "lock")
        installer.reindex()
    if lock is None:
        raise RuntimeError("the new run's lock is not free")
    path = data / "runs" / run
    with lock, closing(LogWriter(path, STEP)) as log, closing(open_journal(path)) as events:
        yield run, log, events


def delays(descriptors: list[int], written: dict[int, float], lines: int) -> list[float]:
    """Return the seconds from each line's writing to its coming, for each of *descriptors*, all *lines* of them."""
    found: list[float] = []
    rest = dict.fromkeys(descriptors, b"")
    with selectors.DefaultSelector() as selector:
        for descriptor in descriptors:
            selector.register(descriptor, selectors.EVENT_READ)
        while len(found) < lines * len(descriptors):
            for key, _ in selector.select(30):
                came = open(key.fd, "rb", closefd=False, buffering=0).read(1 << 16)  # noqa: SIM115 - a descriptor
                now = time.perf_counter()
                *whole, rest[key.fd] = (rest[key.fd] + (came or b"")).split(b"\n")
                found += [now - written[int(line[5:])] for line in whole if line.startswith(b"line ")]
    return found


def write_lines(run: str, log: LogWriter, events: JournalWriter, written: dict[int, float], lines: int) -> None:
    """Write a line every 20 ms, and the event that it belongs to, noting when."""
    for number in range(lines):
        written[number] = time.perf_counter()
        start = log.size
        log.append(b"line %d\n" % number)
        draft = {"time": time_to_wire(NOW), "kind": "output", "run": run, "step": STEP}
        events.append(encode_event({**draft, "log": {"start": start, "end": log.size}}))
        time.sleep(0.02)


def latency(folder: Path, rounds: int) -> dict[str, list[float]]:
    """P7: seconds from a line's writing to its coming, at 20 viewers, and at `tail -f`."""
    lines = 100 * rounds
    data = folder / "live"
    found: dict[str, list[float]] = {}
    with ExitStack() as stack:
        run, log, events = stack.enter_context(live_run(data))
        ours = stack.enter_context(service(data))
        answers = [ours.open(f"{log_path(run)}?follow=true") for _ in range(VIEWERS)]
        file = data / "runs" / run / "logs" / f"{STEP}.log"
        tail = subprocess.Popen(["/usr/bin/tail", "-f", "-n", "+1", str(file)], stdout=subprocess.PIPE)
        stack.callback(tail.wait)
        stack.callback(tail.kill)
        if tail.stdout is None:
            raise RuntimeError("tail has no output")
        time.sleep(1)
        written: dict[int, float] = {}
        writer = threading.Thread(target=write_lines, args=(run, log, events, written, lines))
        writer.start()
        watchers = {"viewers": [answer.fileno() for answer in answers], "tail -f": [tail.stdout.fileno()]}
        threads = [
            threading.Thread(target=lambda name=name, fds=fds: found.update({name: delays(fds, written, lines)}))
            for name, fds in watchers.items()
        ]
        for thread in threads:
            thread.start()
        for thread in (writer, *threads):
            thread.join()
    for name, values in found.items():
        cuts = statistics.quantiles(values, n=100)
        print(f"P7  {name}: median {cuts[49] * 1000:.1f} ms, p99 {cuts[98] * 1000:.1f} ms (wanted: p99 100 ms)")
    return found


def quick_viewers(ours: Service, path: str) -> float:
    """Return the seconds that 20 viewers take to read all of it at once."""
    began = time.perf_counter()
    threads = [threading.Thread(target=lambda: drain(ours.open(path))) for _ in range(VIEWERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - began


def many_viewers(folder: Path, _: int) -> dict[str, list[float]]:
    """P9: memory that 100 viewers cost, and what 80 slow ones cost the quick ones."""
    data = make_data(folder, 100_000_000)
    path = log_path("000000000001")
    ended = threading.Event()

    def _read_slowly(answer: http.client.HTTPResponse) -> None:
        while not ended.wait(1.0):
            answer.read1(1000)

    with service(data) as ours:
        idle, alone = ours.memory(), quick_viewers(ours, path)
        slow = [ours.open(path) for _ in range(80)]
        threads = [threading.Thread(target=_read_slowly, args=(answer,)) for answer in slow]
        for thread in threads:
            thread.start()
        beside = quick_viewers(ours, path)
        grown = ours.memory() - idle
        ended.set()
        for thread in threads:
            thread.join()
        for answer in slow:
            answer.close()
    print(f"P9  + {grown / 1e6:.0f} MB (wanted 64)", end="")
    print(f"; 20 quick viewers: {alone:.1f} s alone, {beside:.1f} s beside 80 slow ones")
    return {"bytes grown": [grown], "alone": [alone], "beside": [beside]}


BENCHMARKS = {"P5": replay, "P7": latency, "P9": many_viewers}


def main() -> None:
    """Measure what is asked for, and print."""
    parser = argparse.ArgumentParser(description="P5, P6, P7, P9: what it takes to serve a log")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", help="as P5,P7; P5 measures P6 too", default=",".join(BENCHMARKS))
    parser.add_argument("--output", type=Path, help="where to write the raw numbers")
    options = parser.parse_args()
    raw: dict[str, dict[str, list[float]]] = {}
    for name in options.only.split(","):
        with tempfile.TemporaryDirectory() as folder:
            raw[name] = BENCHMARKS[name](Path(folder), options.rounds)
    if options.output:
        options.output.write_text(json.dumps(raw, indent=1))


if __name__ == "__main__":
    main()
