"""
Records what is reported of each playbook in this folder, a line for each event or proof, its text as a string.

Run it when ansible-core or ansible-runner changes its words: `python tests/data/events/record.py`.
"""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from installkit.ansible.environment import caller_environment, run_settings
from installkit.ansible.programs import find_program
from installkit.ansible.runner import Invocation, Playbook

HERE = Path(__file__).parent
LOCAL = f"ansible_connection=local ansible_python_interpreter={sys.executable}"
HOSTS = f"h1 {LOCAL}\nh2 {LOCAL}\nh3 {LOCAL}\ngone ansible_host=127.0.0.1 ansible_port=1\n"


def record(playbook: Path, scratch: Path) -> None:
    """Run *playbook* and write its events beside it, without this machine's paths."""
    (scratch / "hosts.ini").write_text(HOSTS)
    environment = caller_environment(os.environ)
    program = find_program("ansible-playbook")
    invocation = Invocation(
        command=[str(program), "-i", str(scratch / "hosts.ini"), "-e", f"scratch={scratch}", "--", playbook.name],
        folder=HERE,
        scratch=scratch / "runner",
        environment=environment | run_settings(HERE, environment, hosts=3, facts=None),
        umask=0o022,
    )
    lines: list[str] = []

    def keep(event: dict[str, Any]) -> None:
        lines.append(json.dumps({**event, "text": event["text"].decode()}))

    Playbook(invocation, keep, lambda: False).run()
    text = "\n".join(lines) + "\n"
    for path, name in ((scratch, "/scratch"), (HERE, "/catalog"), (Path(sys.prefix), "/venv"), (Path.home(), "/home")):
        text = text.replace(str(path), name)
    playbook.with_suffix(".jsonl").write_text(text)


if __name__ == "__main__":
    for each in sorted(HERE.glob("*.yml")):
        if each.name != "included.yml":
            with tempfile.TemporaryDirectory() as folder:
                record(each, Path(folder))
