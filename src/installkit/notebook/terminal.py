"""The end of a log in its own colours, as HTML."""

import io
import re

from markupsafe import Markup
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

import installkit

TAIL_BYTES = 16_384
"""At most so many bytes of a step's log are read each time."""

_NO_COLOUR = re.compile(r"\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f]")
"""Control characters and escape sequences of a terminal, except those for colours."""


def log_tail(run: installkit.Run, step: installkit.StepSnapshot, lines: int) -> Markup:
    """Return the last *lines* lines of the log of *step* that are not empty, up to the size that its events give."""
    start = max(0, step.log_size - TAIL_BYTES)
    printed = run.log(step.id, offset=start, size=step.log_size - start).decode(errors="replace")
    shown = [line for line in printed.split("\n")[1 if start else 0 :] if line.strip()][-lines:]
    # On a terminal each carriage return starts the line again: only what follows the last one stays.
    return Markup('<pre class="ik-log">{}</pre>').format(
        coloured("\n".join(line.rstrip("\r").rpartition("\r")[2] for line in shown))
    )


def coloured(text: str) -> Markup:
    """Return *text*, which was printed to a terminal, as HTML with its colours; other control sequences are dropped."""
    console = Console(
        file=io.StringIO(), record=True, force_jupyter=False, force_terminal=True, color_system="standard"
    )
    console.print(Text.from_ansi(_NO_COLOUR.sub("", text)), soft_wrap=True, end="")
    return Markup(console.export_html(theme=MONOKAI, code_format="{code}", inline_styles=True))  # noqa: S704 - rich escapes
