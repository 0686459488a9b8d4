#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
#
# This file is carried to hosts by ansible-playbook and is a program of its own: installkit never imports it. It is free
# software: you can redistribute it and/or modify it under the terms of the GNU General Public License as published by
# the Free Software Foundation, either version 3 of the License, or (at your option) any later version. It comes WITHOUT
# ANY WARRANTY. See https://www.gnu.org/licenses/gpl-3.0.txt.
"""
Describes a host in one answer: Python, clock, disks, memory, ports, operating system.

It is plain Python from 2.6 on, without Ansible's library: it can report an old Python instead of failing on it.
Ansible puts the arguments into the text below (a module of the kind "jsonargs"), so that no other file is copied.
"""

import json
import os
import sys
import time

ARGUMENTS = r"""<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>"""


def disk(path):
    """Return the mount point of *path*, or of the nearest existing folder above it, and the MB free for users."""
    place = os.path.abspath(path)
    while not os.path.exists(place):
        place = os.path.dirname(place)
    status = os.statvfs(place)
    while not os.path.ismount(place):
        place = os.path.dirname(place)
    return [place, status.f_bavail * status.f_frsize // 1048576]


def memory():
    """Return the MB of memory that are available; None if the kernel does not say."""
    for line in lines("/proc/meminfo"):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) // 1024
    return None


def listening():
    """Return the TCP ports that something listens on."""
    rows = [line.split() for path in ("/proc/net/tcp", "/proc/net/tcp6") for line in lines(path)[1:]]
    return set(int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A")


def system():
    """Return the operating system's description of itself."""
    values = {}
    for line in lines("/etc/os-release") or lines("/usr/lib/os-release"):
        name, _, value = line.strip().partition("=")
        values[name] = value.strip("\"'")
    return values


def lines(path):
    try:
        with open(path) as file:
            return file.read().splitlines()
    except (IOError, OSError, UnicodeDecodeError):
        return []


def main():
    arguments = json.loads(ARGUMENTS)
    clock = time.time()
    taken = listening()
    ports = arguments["ports"]
    disks = {}
    paths = arguments["disk_paths"]
    for path in paths if isinstance(paths, list) else [paths]:
        place, free = disk(path)
        disks[place] = free
    os_release = system()
    answer = {
        "asked": dict((name, value) for name, value in arguments.items() if not name.startswith("_ansible_")),
        "changed": False,
        "clock": clock,
        "disks": disks,
        "executable": sys.executable,
        "machine": os.uname()[4],
        "memory": memory(),
        "python": "%d.%d.%d" % sys.version_info[:3],
        "system": dict((name, os_release.get(name, "")) for name in ("ID", "ID_LIKE", "NAME", "VERSION_ID")),
        "taken": [name for name, port in ports.items() if port is not None and int(port) in taken],
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
