"""What a person can do about the most frequent failures."""

import re

from installkit.model import FailureCode

_BY_MESSAGE = (
    (r"Permission denied \(|Authentication failed|Invalid/incorrect password", "check the user and key or password (-k) for the host: ssh to it by hand with the inventory's settings"),
    (r"Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED", "compare the host's key and put it into known_hosts: ssh-keyscan HOST >> ~/.ssh/known_hosts"),
    (r"Connection refused", "check that sshd (or the service the task talks to) is running there and listens on that port"),
    (r"Connection timed out|No route to host|Network is unreachable", "check that the host is up and that no firewall is between it and this machine"),
    (r"Could not resolve hostname|Name or service not known", "correct the host's name or set ansible_host in the inventory"),
    (r"[Mm]issing \w+ password|sudo: a password is required|Incorrect \w+ password", "give the become password (-K), or keep it as the site's secret ansible_become_password"),
    (r"interpreter '.*' was not found", "install Python on the host, or name the one that is there in ansible_python_interpreter"),
    (r"No space left on device", "free space on the host"),
    (r"Attempting to decrypt but no vault secrets|no vault secrets were found", "give the vault password (--vault-password-file, --vault-id), or keep it as the site's secret ansible_vault_password"),
    (r"Could not get lock|is another process using it", "wait until the other package installation on the host has ended"),
    (r"couldn't resolve module/action", "install the collection that holds the module (ansible-galaxy collection install …), or correct its name"),
    (r"Could not load '.*' callback plugin", "correct stdout_callback in the ansible.cfg beside the playbook (or ANSIBLE_STDOUT_CALLBACK), or install the collection that has it"),
    (r"is undefined", "give the variable a value: a parameter (-e NAME=VALUE), or group_vars in the inventory"),
)  # fmt: skip
_BY_CODE = {
    FailureCode.HOST_UNREACHABLE: "check that the host is up and that ssh to it works by hand with the inventory's settings",
    FailureCode.PLAYBOOK_INVALID: "correct the playbook; ansible-playbook --syntax-check shows the same message",
    FailureCode.PLAYBOOK_CHANGED: "plan again, so that what is applied is what was looked at",
    FailureCode.HOST_UNFINISHED: "fix what failed first, and resume: what is proved is not repeated",
    FailureCode.HOST_UNPLANNED: "plan again: the inventory or a value that the play's hosts: line uses is not what it was",
    FailureCode.NOTHING_RAN: "correct the tags and skip_tags of the action, or the tags in the playbook",
    FailureCode.NO_HOST_MATCHED: "check the hosts: line of the playbook's plays against the groups of the inventory",
    FailureCode.ANSIBLE_MISSING: "installkit doctor says what is missing and how to get it",
}


def remedy_for(code: FailureCode, message: str) -> str | None:
    """Return one sentence on what to do about a failure; None if there is no general advice."""
    remedies = (remedy for pattern, remedy in _BY_MESSAGE if re.search(pattern, message))
    return next(remedies, _BY_CODE.get(code))
