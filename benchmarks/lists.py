"""
P12, P13: a data directory with many runs.

    python benchmarks/lists.py [--runs 1000] [--events 1000] [--live 20] [--rounds 200] [--output raw.json]

P12  start of the service until its first answer and until it is ready, with all these runs finished and some live
P13  lists, one of which must look at every run, a run's status and a seek into its events, through the library
"""

import argparse
import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit

from journals import NOW, write_journal

import installkit
from installkit.journal import encode_event, open_journal, take_lock
from installkit.model import time_to_wire


def make_data(data: Path, runs: int, events: int) -> None:
    """Fill a data directory with *runs* finished runs of *events* events each."""
    with installkit.Installer(data) as installer:
        for number in range(1, runs + 1):
            write_journal(data / "runs", f"{number:012x}", events, finished=True)
        installer.reindex()


def go_live(data: Path, runs: int, stack: ExitStack) -> list[str]:
    """Add *runs* runs that are under way until *stack* closes; each gets one more event than anybody has seen."""
    names = [f"{number:012x}" for number in range(0xF00000, 0xF00000 + runs)]
    for name in names:
        write_journal(data / "runs", name, 100, finished=False)
        lock = take_lock(data / "runs" / name / "lock")
        if lock is None:
            raise RuntimeError(f"the lock of run {name} is not free")
        stack.enter_context(lock)
    return names


def ask(port: int, path: str, token: str = "") -> tuple[int, bytes]:
    """Return status and body of a GET."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("GET", path, headers={"authorization": f"Bearer {token}"} if token else {})
        answer = connection.getresponse()
        return answer.status, answer.read()


def start_service(data: Path, live: list[str]) -> dict[str, float]:
    """P12: seconds from the start of the process to its first answer, to ready, and to having adopted *live*."""
    command = [sys.executable, "-m", "installkit_http", "--data-dir", str(data), "--port", "0"]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        if process.stdout is None:
            raise RuntimeError("the service has no output")
        port = urlsplit(process.stdout.readline().split()[-1]).port or 0
        ask(port, "/healthz")
        first = time.perf_counter() - began
        while ask(port, "/readyz")[0] != http.HTTPStatus.OK:
            time.sleep(0.02)
        ready = time.perf_counter() - began
        token = (data / "access-token").read_text().strip()
        adopted = sum(follows(data, port, token, name) for name in live)
        return {"first answer": first, "ready": ready, "adopted": adopted}
    finally:
        process.terminate()
        process.wait()


def follows(data: Path, port: int, token: str, run: str) -> bool:
    """Return whether the service sees what a live run writes from now on."""
    with closing(open_journal(data / "runs" / run)) as events:
        events.append(encode_event({"time": time_to_wire(NOW), "kind": "output", "run": run}))
    status, body = ask(port, f"/api/v1/runs/{run}", token)
    seen = json.loads(body)
    return status == http.HTTPStatus.OK and (seen["status"], seen["last_seq"]) == ("running", 101)


def look(data: Path, events: int, rounds: int) -> dict[str, list[float]]:
    """P13: seconds of each look."""
    with installkit.Installer(data) as installer:
        middle = installer.runs()[len(installer.runs()) // 2].id
        looks: dict[str, Callable[[], object]] = {
            "newest 50 runs": lambda: installer.runs(limit=50),
            "50 failed runs": lambda: installer.runs(status="failed", limit=50),
            "a filter that no run meets": lambda: installer.list_runs(component="nothing", note="nothing", limit=50),
            "a run's status": lambda: installer.run(middle).snapshot(),
            "100 events in the middle": lambda: list(installer.run(middle).events(after=events // 2, limit=100)),
        }
        times: dict[str, list[float]] = {name: [] for name in looks}
        for _ in range(rounds):
            for name, do in looks.items():
                began = time.perf_counter()
                do()
                times[name].append(time.perf_counter() - began)
    return times


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="P12, P13: a data directory with many runs")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--events", type=int, default=1000)
    parser.add_argument("--live", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--output", type=Path, help="where to write the raw numbers")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        data = Path(folder)
        make_data(data, options.runs, options.events)
        times = look(data, options.events, options.rounds)
        start = start_service(data, go_live(data, options.live, stack))
    for name, values in times.items():
        cuts = statistics.quantiles(values, n=100)
        print(f"P13  {name}: median {cuts[49] * 1000:.1f} ms, p99 {cuts[98] * 1000:.1f} ms (wanted: p99 20 ms)")
    print(
        f"P12  first answer after {start['first answer']:.2f} s (wanted 2), ready after {start['ready']:.2f} s", end=""
    )
    print(f", {start['adopted']:.0f} of {options.live} live runs followed")
    if options.output:
        options.output.write_text(json.dumps({"look": times, "start": start}, indent=1))


if __name__ == "__main__":
    main()
