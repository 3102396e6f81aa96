"""Pages that stand by themselves: no script, nothing from the network, light and dark, fit to be printed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from engine.text.normalise import clean

_STYLE = """
:root { color-scheme: light dark; --ground: #fff; --raised: #f4f5f7; --ink: #1b1f24; --faint: #57606a;
  --line: #d0d5dc; --look: 245 158 11; --plus: #1a7f4b; --minus: #b42318; --first: #0b5cad; --second: #b45309; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171a; --raised: #1e2327; --ink: #e6e8eb; --faint: #a5adb6;
  --line: #3a4148; --look: 170 92 0; --plus: #4cc38a; --minus: #ff8b80; --first: #6cb2ff; --second: #f0a34a; } }
@media print { :root { color-scheme: light; --ground: #fff; --raised: #f4f5f7; --ink: #000; --faint: #444;
  --line: #bbb; --look: 245 158 11; --plus: #1a7f4b; --minus: #b42318; --first: #0b5cad; --second: #b45309; }
  * { print-color-adjust: exact; } figure, tr, .tiles { break-inside: avoid; } h2, h3, caption { break-after: avoid; }
  nav { display: none; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 68rem; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "Noto Sans", "Noto Sans CJK SC", sans-serif; }
a { color: var(--first); }
h1, h2, h3 { line-height: 1.25; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; margin: 0 0 1rem; }
h2 { font-size: 1.2rem; margin: 3rem 0 .5rem; padding-top: 1rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 2rem 0 .25rem; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin: 1rem 0; padding: 0; list-style: none; }
.text { unicode-bidi: isolate; overflow-wrap: anywhere; white-space: pre-line; }
.note { margin: 1rem 0; padding: .6rem 1rem; background: var(--raised); border-left: 4px solid var(--second); }
.faint { color: var(--faint); }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .75rem; margin: 1rem 0;
  padding: 0; list-style: none; }
.tiles li { padding: .6rem .8rem; background: var(--raised); border-radius: .4rem; }
.tiles b { display: block; font-size: 1.4rem; font-variant-numeric: tabular-nums; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; margin: 1rem 0 0; }
dt { color: var(--faint); }
dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin: 1.25rem 0 0; }
table { border-collapse: collapse; width: 100%; }
caption { padding: 0 0 .4rem; text-align: start; font-weight: 600; }
th, td { padding: .3rem .5rem; border-bottom: 1px solid var(--line); text-align: start; vertical-align: top; }
th { font-weight: 500; }
thead th { color: var(--faint); }
td, tbody th { min-width: 6rem; }
.number { min-width: 0; text-align: end; font-variant-numeric: tabular-nums; white-space: nowrap; }
figure { margin: 1.25rem 0 0; overflow-x: auto; }
figcaption { font-weight: 600; padding-bottom: .4rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); gap: 0 1.5rem; }
.charts svg { width: 100%; max-width: 36rem; height: auto; }
svg { display: block; font: 12px system-ui, "Noto Sans", "Noto Sans CJK SC", sans-serif; fill: currentColor; }
@media print { .map { max-width: 100%; height: auto; } body { max-width: none; padding: 0; font-size: 11px; }
  .charts { grid-template-columns: 1fr 1fr; }
  .scroll, figure { overflow: visible; } thead { display: table-row-group; } }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def document(title: str, body: Iterable[str]) -> str:
    """A whole HTML document. ``title`` is text, ``body`` is HTML."""
    head = [
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{plain(title)}</title>",
        f"<style>{_STYLE}</style>",
        "</head>",
        "<body>",
        "<main>",
    ]
    return "\n".join([*head, *body, "</main>", "</body>", "</html>", ""])


def table(title: str, texts: Sequence[str], numbers: Sequence[str], rows: Iterable[str]) -> Iterator[str]:
    """A table that scrolls by itself where it is too wide: columns of text first, then those of numbers.

    ``rows`` is HTML, as ``row`` makes it.
    """
    heads = [f'<th scope="col">{plain(name)}</th>' if name else "<td></td>" for name in texts]
    heads += [f'<th scope="col" class="number">{plain(name)}</th>' for name in numbers]
    yield f'<div class="scroll" role="region" tabindex="0" aria-label="{plain(title)}"><table>'
    yield f"<caption>{plain(title)}</caption><thead><tr>{''.join(heads)}</tr></thead><tbody>"
    yield from rows
    yield "</tbody></table></div>"


def row(texts: Sequence[str], numbers: Sequence[str]) -> str:
    """One row of a table; ``texts`` are HTML, the first one heads the row, ``numbers`` are text."""
    cells = [f'<th scope="row">{texts[0]}</th>', *(f"<td>{html}</td>" for html in texts[1:])]
    cells += [f'<td class="number">{plain(number)}</td>' for number in numbers]
    return f"<tr>{''.join(cells)}</tr>"


def facts(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Names with what is said of them; that is HTML already."""
    yield "<dl>"
    yield from (f"<dt>{plain(name)}</dt><dd>{html}</dd>" for name, html in pairs)
    yield "</dl>"


def figure(title: str, svg: str) -> str:
    """A picture with its caption."""
    return f"<figure><figcaption>{plain(title)}</figcaption>{svg}</figure>"


def span(words: str) -> str:
    """What customers or the FAQ say, whichever way it is written."""
    return f'<span class="text" dir="auto">{plain(words)}</span>'


def plain(words: str) -> str:
    """Any text as it may stand in HTML, in an attribute too."""
    return escape(clean(words))
