"""
Where a run is carried out: on which machine, and in which folder of it.

A copy of a journal, a restored backup and a mirror look like a run whose supervisor died: nobody holds the lock there. So
every start writes down where the run's folder is, and a run is ended only if its folder is still there.

A wrong `elsewhere` only means that a person must decide (`installkit adopt`); a wrong `here` could end a run that goes on.
So machine and inode must always be the same. A device number names one file system only until the machine boots: NFS,
btrfs, overlay and device mapper assign them in the order of mounting. After another boot it is not compared, and need not
be: no run that this machine carried out before can still be alive.

A machine without an id (many containers have none) is identified by device and inode alone; if the device number is
another one after a boot, a person must decide. The boot's id cannot replace the machine's: it changes with every boot, and
a run that a power cut killed would belong to no machine.
"""

import hashlib
import hmac
import re
import socket
from pathlib import Path

import attrs

from installkit.errors import StoreError
from installkit.journal.files import CARRIER, LOCK, RESULT, read_written, write_atomic
from installkit.journal.locks import lock_is_held
from installkit.model import from_wire, to_wire

MACHINE_IDS = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

_MACHINE_ID = re.compile(r"[0-9a-f]{32}")


@attrs.frozen(kw_only=True)
class Carrier:
    """
    What distinguishes the folder of a run from any copy of it.

    Attributes:
        machine: A digest of the machine's id, which must stay private; None if the machine has none.
        host: The machine's name, for people.
        boot: The id of the boot; None if the system has none.
        device: The number of the folder's file system.
        inode: The folder's own.
    """

    machine: str | None
    host: str
    boot: str | None
    device: int
    inode: int

    def is_same(self, now: "Carrier") -> bool:
        """Return whether *now*, the carrier of an existing folder, means the same folder."""
        if (self.machine, self.inode) != (now.machine, now.inode):
            return False
        rebooted = None not in {self.machine, self.boot, now.boot} and self.boot != now.boot
        return self.device == now.device or rebooted


def write_carrier(run: Path) -> None:
    """Write into the folder *run* that its run is carried out here; renaming the folder later does not matter."""
    write_atomic(run / CARRIER, "carrier", to_wire(_carrier_of(run)))


def is_carried_here(run: Path) -> bool:
    """Return whether the run in the folder *run* was started, or adopted, in this very folder on this machine."""
    written = _read(run)
    try:
        return written is not None and written.is_same(_carrier_of(run))
    except OSError:
        return False


def carried_elsewhere(run: Path) -> str | None:
    """
    Return where the run in the folder *run*, which has not ended here, is carried out if not here.

    Returns:
        A few words for people; None if it has ended, if somebody holds its lock, or if it is carried out here.
    """
    try:
        if is_carried_here(run) or (run / RESULT).exists() or lock_is_held(run / LOCK):
            return None
    except OSError:  # somebody else's run: it may be carried out right now
        return None
    written = _read(run)
    if written is None:
        return "nobody wrote down where"
    here = written.machine is not None and written.machine == _machine()
    return "another folder of this machine" if here else f"machine {written.host}"


def _read(run: Path) -> Carrier | None:
    """Return the written carrier; None if it is missing or cannot be read: then the run does not count as ours."""
    try:
        data = read_written(run / CARRIER, "carrier")
        return None if data is None else from_wire(Carrier, data)
    except (StoreError, ValueError):
        return None


def _carrier_of(run: Path) -> Carrier:
    status = run.stat()
    return Carrier(
        machine=_machine(),
        host=socket.gethostname(),
        boot=_text(BOOT_ID) or None,
        device=status.st_dev,
        inode=status.st_ino,
    )


def _machine() -> str | None:
    """Return a word that identifies this machine without revealing its id; None if it has no id."""
    for path in MACHINE_IDS:
        text = _text(path)
        if _MACHINE_ID.fullmatch(text):
            return hmac.new(text.encode(), b"installkit", hashlib.sha256).hexdigest()[:32]
    return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
