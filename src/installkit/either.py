"""
Types for programs that take an installer, whether it is here or behind a service.

    def report(installer: installkit.AnyInstaller) -> None: ...

A type checker then allows what both have.
"""

from installkit.installer import Installer
from installkit.remote import RemoteInstaller, RemoteRun, RemoteSite
from installkit.runs.run import Run
from installkit.sites.site import Site

AnyInstaller = Installer | RemoteInstaller
"""An `Installer`, or what `connect` returns."""

AnySite = Site | RemoteSite
"""A `Site` of either."""

AnyRun = Run | RemoteRun
"""A `Run` of either."""
