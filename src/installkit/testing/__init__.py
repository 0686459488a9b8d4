"""
For tests of your own programs and playbooks.

    FakeAnsible   carries runs out without Ansible: for programs that use installkit
    SSHHosts      real SSH hosts on this machine: for playbooks
"""

from installkit.testing.fake_ansible import FakeAnsible
from installkit.testing.outcomes import Outcome
from installkit.testing.ssh_hosts import SSHHost, SSHHosts

__all__ = ["FakeAnsible", "Outcome", "SSHHost", "SSHHosts"]
