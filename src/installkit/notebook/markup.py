"""
The parts that all pages are made of.

Everything on a page goes through `Markup.format`, which escapes it: text from hosts and people never becomes markup.
"""

from collections.abc import Iterable, Mapping, Sequence

from markupsafe import Markup

# Text, background and lines have the theme's colours; a word on a coloured background sets both colours itself, so it
# can be read in a light and in a dark theme. JupyterLab's rules for tables and logs are more specific than ours can be:
# hence the `!important`. VS Code gives `code` in an output a font by a name that is not defined there.
_STYLE = Markup("""<style>
.installkit { font-size: 13px; line-height: 1.5; }
.installkit h4 { font-size: 1.1em; margin: 0.5em 0; }
.installkit table { display: block; overflow-x: auto; border-collapse: collapse; margin: 0.4em 0; font-size: 1em; }
.installkit table th, .installkit table td {
  text-align: left !important; vertical-align: top; padding: 2px 10px 2px 0; border: 0; max-width: 44em; overflow-wrap: break-word;
}
.installkit table th { font-weight: 600; border-bottom: 1px solid rgba(128, 128, 128, 0.5); }
.installkit table.ik-grid td, .installkit table.ik-grid th {
  padding: 1px 6px; text-align: center !important; white-space: nowrap;
}
.installkit table.ik-grid th:first-child, .installkit table.ik-grid td:first-child { text-align: left !important; }
.installkit pre {
  white-space: pre-wrap; overflow-wrap: anywhere; margin: 0.3em 0; padding: 4px 8px !important;
  background: rgba(128, 128, 128, 0.14); color: inherit;
}
.installkit code { font-family: var(--vscode-editor-font-family, var(--jp-code-font-family, monospace)); }
.installkit pre.ik-log { background: #16181d; color: #d8dce3; max-height: 24em; overflow: auto; }
.installkit .ik-unbroken { white-space: nowrap; }
.installkit .ik-quiet { opacity: 0.75; }
.installkit .ik-word { border-radius: 4px; padding: 0 6px; color: #fff; background: #59636e; white-space: nowrap; }
.installkit .ik-word.ik-good { background: #1a7f37; }
.installkit .ik-word.ik-busy { background: #1f5fbf; }
.installkit .ik-word.ik-mind { background: #8a5300; }
.installkit .ik-word.ik-bad { background: #c62828; }
.installkit .ik-failure { border-left: 4px solid #d64545; padding: 2px 0 2px 10px; margin: 0.6em 0; }
.installkit .ik-bar { display: inline-block; width: 14em; height: 0.7em; background: rgba(128, 128, 128, 0.3); }
.installkit .ik-bar > span { display: block; height: 100%; background: #2f7de1; }
.installkit .ik-bar.ik-good > span { background: #2e9e4f; }
.installkit .ik-bar.ik-mind > span { background: #c07a10; }
.installkit .ik-bar.ik-bad > span { background: #d64545; }
.installkit table .ik-bar { width: 6em; }
.installkit summary { cursor: pointer; }
</style>""")

_LOOKS = {
    "ik-good": ("succeeded", "installed", "ok"),
    "ik-busy": ("running", "changing", "waiting"),
    "ik-mind": ("changed", "canceled", "disruptive", "warn"),
    "ik-bad": ("failed", "unreachable", "unfinished", "interrupted", "timed_out", "unknown", "destructive", "fail"),
}
_LOOK_OF = {word: look for look, words in _LOOKS.items() for word in words}


def page(*parts: Markup) -> str:
    """Return *parts* as one output of a notebook, with the style that they need."""
    return str(Markup('<div class="installkit">{}{}</div>').format(_STYLE, joined(parts)))


def joined(parts: Iterable[Markup]) -> Markup:
    """Return *parts* one after the other."""
    return Markup("").join(parts)


def heading(text: str, *rest: Markup | str) -> Markup:
    """Return *text* as a heading, and *rest* beside it."""
    return Markup("<h4>{} {}</h4>").format(text, Markup(" ").join(rest))


def quiet(text: str) -> Markup:
    """Return a line of *text* that is less important."""
    return Markup('<div class="ik-quiet">{}</div>').format(text) if text else Markup()


def unbroken(text: str, *before: Markup) -> Markup:
    """Return *before* and *text* on one line that is never wrapped; empty if *text* is empty."""
    parts = Markup(" ").join([*before, text])
    return Markup('<span class="ik-unbroken">{}</span>').format(parts) if text else Markup()


def word(text: str, title: str | None = None) -> Markup:
    """Return *text*, a status or a sign for one, on its colour; *title* is the status if *text* is a sign."""
    look = _LOOK_OF.get(title or text, "")
    tooltip = Markup(' title="{}"').format(title) if title else Markup()
    return Markup('<span class="ik-word {}"{}>{}</span>').format(look, tooltip, text)


def words(text: str) -> Markup:
    """Return the words of *text*, which has commas between them, each on its colour; empty for none."""
    return Markup(" ").join(word(part) for part in text.split(", ") if part)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, look: str = "") -> Markup:
    """Return *rows* under *columns*, without columns that are empty in every row; empty if there are no rows."""
    cells = [["" if cell is None else cell for cell in row] for row in rows]
    if not cells:
        return Markup()
    used = [index for index in range(len(columns)) if any(row[index] != "" for row in cells)]
    head = joined(Markup("<th>{}</th>").format(columns[index]) for index in used)
    body = joined(
        Markup("<tr>{}</tr>").format(joined(Markup("<td>{}</td>").format(row[index]) for index in used))
        for row in cells
    )
    return Markup('<table class="{}"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>').format(look, head, body)


def folded(summary: str, content: Markup) -> Markup:
    """Return *content* behind *summary*, which opens it at a click; empty if there is no content."""
    return Markup("<details><summary>{}</summary>{}</details>").format(summary, content) if content else Markup()


def bar(part: float, status: str) -> Markup:
    """Return a bar filled to *part*, from 0 to 1, in the colour of *status*."""
    return Markup('<span class="ik-bar {}"><span style="width:{:.0f}%"></span></span>').format(
        _LOOK_OF.get(status, ""), 100 * min(1.0, max(0.0, part))
    )


def facts(values: Mapping[str, object]) -> Markup:
    """Return a line for each of *values*, with its name; names without a value are skipped."""
    return joined(Markup("<div><b>{}</b> {}</div>").format(name, value) for name, value in values.items() if value)
