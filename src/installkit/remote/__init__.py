"""
The library over HTTP: `connect` gives the objects of an `Installer` that runs behind a service.

    with installkit.connect("https://ops.example.com", token=text) as installer:
        run = installer.site("acme").apply(install=["mysql"])
        for event in run.events(follow=True):
            print(event.message)

Names, arguments, values and errors are those of `Installer`, `Site` and `Run`, as far as the service has them. Nothing of
this machine is used: no file, no Ansible.
"""

from pathlib import Path

from installkit.remote.arrivals import RemoteArrivalReader
from installkit.remote.installer import RemoteInstaller
from installkit.remote.parts import RemoteInventory, RemoteParameters, RemoteSecrets
from installkit.remote.run import RemoteRun
from installkit.remote.service import PATIENCE, TIMEOUT, Service
from installkit.remote.site import RemoteSite

__all__ = [
    "RemoteArrivalReader",
    "RemoteInstaller",
    "RemoteInventory",
    "RemoteParameters",
    "RemoteRun",
    "RemoteSecrets",
    "RemoteSite",
    "connect",
]


def connect(
    url: str,
    *,
    token: str,
    ca_file: str | Path | None = None,
    timeout: float = TIMEOUT,
    patience: float = PATIENCE,
) -> RemoteInstaller:
    """
    Return the sites, plans and runs of the service at *url*; use it as a context manager, or close it.

    Args:
        url: The address of its console, as `http://127.0.0.1:8000`; a service that is mounted in another one has a path.
        token: The text of an access token, as `installkit token create` prints it.
        ca_file: The certificates to trust, in PEM; None for those that this machine trusts.
        timeout: Seconds that the answer to a call may take: a plan takes as long as Ansible reads an inventory.
        patience: Seconds for which what follows a run tries to get through again after its connection broke.

    Raises:
        ServiceError: If there is no such service, it refuses the token, or its answer is not one of installkit.
        InstallkitError: If the extra `remote` is not installed.
    """
    service = Service(url, token, ca_file=ca_file, timeout=timeout, patience=patience)
    try:
        return RemoteInstaller(service)
    except BaseException:
        service.close()
        raise
