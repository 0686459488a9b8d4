"""The end of a log in its own colours, as HTML."""

import io
import re

from markupsafe import Markup
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

import installkit

TAIL_BYTES = 16_384
"""So much of a step's log is read at each look, however long it is."""

_NO_COLOUR = re.compile(r"\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f]")
"""Whatever steers a terminal but a colour does not."""


def log_tail(run: installkit.Run, step: installkit.StepSnapshot, lines: int) -> Markup:
    """Return the last *lines* lines of the log of *step* that are not empty, as far as its events tell of them."""
    start = max(0, step.log_size - TAIL_BYTES)
    printed = run.log(step.id, offset=start, size=step.log_size - start).decode(errors="replace")
    found = [line for line in printed.split("\n")[1 if start else 0 :] if line.strip()]
    return Markup('<pre class="ik-log">{}</pre>').format(coloured("\n".join(map(_last_overwrite, found[-lines:]))))


def _last_overwrite(line: str) -> str:
    """Return what is left of *line* on a terminal, where each carriage return begins it anew."""
    return line.rstrip("\r").rpartition("\r")[2]


def coloured(text: str) -> Markup:
    """Return *text* of a terminal as HTML in its colours; nothing else in it has an effect."""
    console = Console(
        file=io.StringIO(), record=True, force_jupyter=False, force_terminal=True, color_system="standard"
    )
    console.print(Text.from_ansi(_NO_COLOUR.sub("", text)), soft_wrap=True, end="")
    return Markup(console.export_html(theme=MONOKAI, code_format="{code}", inline_styles=True))  # noqa: S704 - rich escapes
