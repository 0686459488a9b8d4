"""Files that are written for people, whole or not at all."""

import errno
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from installkit.errors import StoreError


def write_new(target: str | Path | IO[bytes], write: Callable[[IO[bytes]], object]) -> None:
    """
    Have *write* write to *target*: a path, or a file open for bytes.

    At a path, a new file that only its owner can read replaces an existing file or link.

    Raises:
        StoreError: If it cannot be written, or the path is something other than a file.
    """
    if not isinstance(target, (str, Path)):
        write(target)
        return
    path = Path(target)
    try:
        _check_replaceable(path)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name[:100]}.", delete=False) as file:
            try:
                write(file)
                Path(file.name).replace(path)
            except BaseException:
                Path(file.name).unlink()
                raise
    except OSError as exc:
        raise StoreError(
            f"the report {path} cannot be written: {exc.strerror}", remedy="name another file with -o"
        ) from exc


def _check_replaceable(path: Path) -> None:
    """Raise an `OSError` if *path* exists, but is neither a file nor a link to one."""
    terminal = path.is_symlink() and path.readlink().is_relative_to("/proc")  # as /dev/stdout, which must stay
    if terminal or (path.exists() and not stat.S_ISREG(path.stat().st_mode)):
        raise FileExistsError(errno.EEXIST, "what lies there is no file")
