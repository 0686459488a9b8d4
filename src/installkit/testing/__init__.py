"""For tests of your own playbooks: real SSH hosts on this machine."""

from installkit.testing.ssh_hosts import SSHHost, SSHHosts

__all__ = ["SSHHost", "SSHHosts"]
