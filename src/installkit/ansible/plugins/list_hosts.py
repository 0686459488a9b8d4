# SPDX-License-Identifier: GPL-3.0-or-later
#
# installkit: the hosts that playbooks and patterns mean, asked of Ansible
# Copyright (C) 2026 The installkit developers
#
# This program is free software: you can redistribute it and/or modify it under the terms of the GNU General Public
# License as published by the Free Software Foundation, either version 3 of the License, or (at your option) any later
# version. It is distributed in the hope that it will be useful, but WITHOUT ANY WARRANTY; without even the implied
# warranty of MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE. See <https://www.gnu.org/licenses/>.
"""
`ansible-playbook --list-hosts` for many playbooks, each with extra variables of its own, in one process.

installkit starts it with Ansible's own Python, and never imports it. Compared with several calls of ansible-playbook, the
inventory is read only once. A playbook that Ansible cannot read spoils no answer but its own.

    list_hosts.py QUESTIONS ARGUMENT...

The arguments are those of `ansible-playbook --list-hosts`. QUESTIONS is a JSON file:

    {"patterns": ["web:!web2"], "playbooks": [["/srv/01.web.yml", "/tmp/x/values.json"]], "after": 0,
     "answers": "/tmp/x/answers", "mark": "1f0c"}

For each pattern, then for each playbook, it writes a line of JSON to `answers`: a list of host names, a list of plays, or
null if Ansible refuses it. The reason is then on stderr, where each answer's part begins with a line with `mark`.
The first `after` of all questions are left out.
"""

import json
import os
import sys

from ansible.cli import playbook as command
from ansible.utils.display import Display

display = Display()


class Questions(command.PlaybookExecutor):
    """Replaces the executor of ansible-playbook, which is called once the inventory has been read."""

    def run(self):
        """Answer every question, one after the other."""
        with open(sys.argv[1], encoding="utf-8") as file:
            order = json.load(file)
        questions = [(self._match, pattern) for pattern in order["patterns"]]
        questions += [(self._list, playbook) for playbook in order["playbooks"]]
        with open(order["answers"], "a", encoding="utf-8") as answers:
            for answer, question in questions[order["after"] :]:
                print(order["mark"], file=sys.stderr, flush=True)
                display._errors.clear()  # an error is printed once: the next question may have the same
                reply = None
                try:
                    reply = answer(question)
                except command.AnsibleError as exc:
                    display.error(exc)
                except Exception as exc:  # noqa: BLE001 - a plugin may raise anything; it concerns this playbook only
                    display.error(f"{type(exc).__name__}: {exc}")
                print(json.dumps(reply), file=answers, flush=True)
        return 0

    def _match(self, pattern):
        self._inventory.remove_restriction()
        return self._names(pattern)

    def _list(self, question):
        path, values = question
        self._playbooks = [path]
        self._variable_manager._extra_vars = self._loader.load_from_file(values) if values else {}
        listed = super().run()
        plays = [play for entry in listed or () for play in entry["plays"]]  # an empty playbook has no entry
        answer = []
        for play in plays:
            pattern = ",".join(map(str, play.hosts))
            name = " ".join((play.name or "").split())  # Ansible calls a play without a name by its pattern
            answer.append(
                {
                    "name": "" if name == pattern else name,
                    "pattern": pattern,
                    "hosts": self._names(play.hosts),
                    "templated": "{" in str(play.get_ds().get("hosts")),
                }
            )
        return answer

    def _names(self, pattern):
        return sorted({host.name for host in self._inventory.get_hosts(pattern)})


if __name__ == "__main__":
    os.umask(0o077)
    command.PlaybookExecutor = Questions
    command.PlaybookCLI.cli_executor(["ansible-playbook", *sys.argv[2:]])
