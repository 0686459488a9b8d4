"""Whether playbooks ask for another user's rights, by the words in their files."""

import re
from collections.abc import Iterable
from pathlib import Path

from installkit.catalog.contents import Contents

_BECOMES = re.compile(rb"^[ \t-]*become[ \t]*:(?![ \t]*[\"']?(?:false|no|off|n|f|0)\b)", re.MULTILINE | re.IGNORECASE)
_YAML = frozenset({".yml", ".yaml"})


def files_asking_for_rights(names: Iterable[str], contents: Contents) -> frozenset[str]:
    """
    Return the files among *names* that ask for another user's rights, as with `become: true`.

    Args:
        names: Relative to the catalog's folder.
        contents: The files of the catalog.
    """
    return frozenset(name for name in names if Path(name).suffix in _YAML and _BECOMES.search(contents.bytes_of(name)))
