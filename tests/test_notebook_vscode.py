"""Pages and pictures in the output area of VS Code, whose own style sheet and classes are put around them."""

import pytest

import installkit
from installkit.notebook import mimebundle
from test_notebook import record

pytest_plugins = ["console_page"]

OUTPUT = """
<html style="--vscode-foreground: {ink}; --vscode-editor-foreground: {ink}; --vscode-editor-font-family: Courier;
 --vscode-font-family: system-ui; --vscode-textPreformat-foreground: {ink}">
<style>
body {{ background: {ground}; color: var(--vscode-editor-foreground); font-family: var(--vscode-font-family); }}
code {{ font-family: var(--monaco-monospace-font); color: var(--vscode-textPreformat-foreground); }}
table, thead, tr, th, td, tbody {{ border: none; border-collapse: collapse; }}
table, th, tr {{ vertical-align: middle; text-align: right; }}
</style>
<body class="vscode-{kind}" data-vscode-theme-kind="vscode-{kind}">{outputs}</body></html>
"""
"""What VS Code 1.100 puts around the outputs of a notebook, as far as it bears on what they look like."""

READABLE = 4.5
"""Contrast that text has at least, as WCAG 2 asks for."""

CONTRASTS = """() => {
  const parts = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = text => parts(text).slice(0, 3).map(each => each / 255)
    .map(each => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4)
    .reduce((sum, each, index) => sum + each * [0.2126, 0.7152, 0.0722][index], 0);
  const opaque = text => text.startsWith('rgb(');
  const ground = element => {
    const own = getComputedStyle(element).backgroundColor;
    if (element.closest('rect + g') && element.closest('svg')) {
      return getComputedStyle(element.closest('rect + g').previousElementSibling).fill;
    }
    return opaque(own) ? own : ground(element.parentElement);
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || ['STYLE', 'title'].includes(element.tagName)) { continue; }
    const style = getComputedStyle(element);
    const [ink, below] = [light(element.closest('svg') ? style.fill : style.color), light(ground(element))];
    found.push([texts.currentNode.data.trim(), (Math.max(ink, below) + 0.05) / (Math.min(ink, below) + 0.05)]);
  }
  return found;
}"""


@pytest.fixture
def outputs(tmp_path):
    """A plan, a run, a site and a comparison as pages, a graph and a timeline as pictures, one after the other."""
    record(tmp_path)
    record(tmp_path, run="ffffffffffff")
    with installkit.Installer(tmp_path) as installer:
        installer.reindex()
        run, other = installer.runs()
        shown = (run.plan, run, installer.site("acme"), run.compare(other), run.plan.graph(), run.timeline())
        bundles = [mimebundle(value) for value in shown]
    return "".join(bundle.get("text/html") or bundle["image/svg+xml"] for bundle in bundles)


@pytest.mark.parametrize(
    ("kind", "ink", "ground"),
    [pytest.param("dark", "#cccccc", "#1f1f1f", id="dark"), pytest.param("light", "#3b3b3b", "#ffffff", id="light")],
)
@pytest.mark.long
def test_all_text_can_be_read_in_vscode(browser, outputs, kind, ink, ground):
    """In its dark and its light theme; code has the editor's font."""
    page = browser.new_page()
    page.set_content(OUTPUT.format(kind=kind, ink=ink, ground=ground, outputs=outputs))
    contrasts = page.evaluate(CONTRASTS)
    font = page.evaluate("getComputedStyle(document.querySelector('.installkit code')).fontFamily")
    page.close()

    assert {"no licence", "the slowest tasks"} <= {text for text, _ in contrasts}
    assert [] == [(text, contrast) for text, contrast in contrasts if contrast < READABLE]
    assert "Courier" == font
