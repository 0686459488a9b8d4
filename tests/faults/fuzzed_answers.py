"""
Stands in for the Python of a managed host, and answers whatever a module is asked with anything at all.

`fuzzed_answers.py FOLDER SEED` counts its answers in FOLDER; the n-th one depends on SEED and n alone.
"""

import json
import random
import sys
from pathlib import Path

KEYS = [
    "msg",
    "results",
    "changed",
    "failed",
    "warnings",
    "deprecations",
    "ansible_facts",
    "exception",
    "invocation",
    "rc",
    "stdout",
    "stderr",
    "stdout_lines",
    "diff",
    "skipped",
    "skip_reason",
    "unreachable",
    "item",
    "censored",
    "reason",
    "module_stderr",
    "module_stdout",
    "ansible_loop_var",
    "start",
    "end",
    "delta",
    "_ansible_no_log",
    "_ansible_item_label",
    "_ansible_delegated_vars",
    "_ansible_verbose_always",
    "_ansible_parsed",
    "add_host",
    "add_group",
    "ansible_job_id",
    "finished",
    "started",
    "attempts",
    "retries",
    "ping",
    "stat",
    "exists",
    "contents",
    "content",
    "encoding",
]
MARKS = (
    "\x1b[K{mark}<",
    "\x1b[K{mark}>",
    "\x1b[K{mark}<\x1b[K{mark}>",
    "\x1b[KeyJ1dWlkIjoiMSJ9\x1b[16D\x1b[K",
    '{{"mark": "{mark}", "event": "playbook_on_stats", "created": "no time"}}',
    "\nPLAY RECAP ***\ngood1 : ok=1\n",
)


def text(chance):
    """Return text with a forged mark, of odd characters, or much of it."""
    kind = chance.randrange(6)
    if kind <= 1:
        return chance.choice(MARKS).format(mark=chance.randbytes(16).hex())
    if kind == 2:
        return "".join(
            chr(chance.choice((0, 7, 8, 10, 13, 27, 0x9B, 0xFFFD, 0x202E, 0x1F600, 0xDC80))) for _ in range(20)
        )
    if kind == 3:
        return "x" * chance.choice((0, 1, 5_000, 300_000))
    return chance.choice(("ok", "", "{{ 7 * 7 }}", "ok: [good1]", "None", "fatal: [good2]: FAILED! => {}"))


def value(chance, depth=3):
    """Return something that JSON can say, of any kind."""
    kind = chance.randrange(9 if depth else 6)
    if kind >= 7:
        return {chance.choice([*KEYS, text(chance)[:50]]): value(chance, depth - 1) for _ in range(chance.randrange(4))}
    if kind == 6:
        return [value(chance, depth - 1) for _ in range(chance.randrange(4))]
    scalars = (None, True, False, 0, -1, 10**30, 1e308, float("nan"), float("-inf"), "text", "text")
    found = chance.choice(scalars)
    return text(chance) if found == "text" else found


def nested(depth):
    return '{"msg": ' + '{"a": [' * depth + "1" + "]}" * depth + "}"


def answer(chance):
    """Return what is printed: bytes, JSON of any kind, or a result whose known keys have any type."""
    kind = chance.randrange(12)
    if kind == 0:
        return chance.randbytes(chance.choice((0, 1, 100, 10_000)))
    if kind == 1:
        return json.dumps(value(chance)).encode()
    if kind == 2:
        return nested(chance.choice((5, 200, 5_000))).encode()
    if kind == 3:
        return b'{"msg": "' + bytes(chance.choice((0xFF, 0xC3, 0xED, 0xA0, 0x41)) for _ in range(30)) + b'"}'
    if kind == 4:
        return b"junk\n" + text(chance).encode(errors="replace") + b'\n{"changed": true, "msg": "real"}\njunk'
    wanted = chance.sample(KEYS, chance.randrange(1, 8))
    return json.dumps({key: value(chance) for key in wanted}).encode()


def main():
    folder, seed = Path(sys.argv[1]), sys.argv[2]
    count = folder / f"count-{seed}"
    number = len(count.read_bytes()) if count.exists() else 0
    with count.open("ab") as file:
        file.write(b".")
    if not sys.stdin.closed:
        sys.stdin.buffer.read()
    chance = random.Random(f"{seed}-{number}")  # noqa: S311 - no secret
    sys.stdout.buffer.write(answer(chance))
    if chance.randrange(4) == 0:
        sys.stderr.buffer.write(text(chance).encode(errors="replace"))
    sys.exit(chance.choice((0, 0, 0, 1, 137)))


if __name__ == "__main__":
    main()
