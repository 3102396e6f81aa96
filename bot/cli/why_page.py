"""An explanation as one page that stands by itself: no script, nothing from the network, light and dark."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from html import escape

from bot.cli.why_text import KINDS, VERDICTS, matched, memory, thresholds
from engine.explanation import MEANINGS, NONE_MEANINGS, Contender, Explanation, Feature, Near, Part, Said
from engine.text.normalise import clean

_STYLE = """
:root { color-scheme: light dark; --ground: #fff; --raised: #f4f5f7; --ink: #1b1f24; --faint: #57606a;
  --line: #d0d5dc; --look: 245 158 11; --plus: #1a7f4b; --minus: #b42318; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171a; --raised: #1e2327; --ink: #e6e8eb; --faint: #a5adb6;
  --line: #3a4148; --look: 170 92 0; --plus: #4cc38a; --minus: #ff8b80; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 68rem; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "Noto Sans", "Noto Sans CJK SC", sans-serif; }
h1, h2 { line-height: 1.25; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; margin: 0 0 1rem; }
h2 { font-size: 1.2rem; margin: 3rem 0 .5rem; padding-top: 1rem; border-top: 1px solid var(--line); }
.text { unicode-bidi: isolate; overflow-wrap: anywhere; }
.reply { margin: 0 0 1rem; padding: .75rem 1rem; background: var(--raised); border-left: 4px solid var(--plus);
  white-space: pre-line; }
.faint { color: var(--faint); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; margin: 0; }
dt { color: var(--faint); }
dd { margin: 0; overflow-wrap: anywhere; }
.words { display: flex; flex-wrap: wrap; gap: .35rem; margin: .5rem 0; padding: 0; list-style: none; }
.words li { padding: .15rem .45rem; border: 1px solid var(--line); border-radius: .3rem; text-align: center;
  overflow-wrap: anywhere; background: rgb(var(--look) / var(--share)); }
.words small { display: block; font-variant-numeric: tabular-nums; }
.words .unknown { border: 1px dashed var(--ink); }
.scroll { overflow-x: auto; margin: 1.25rem 0 0; }
table { border-collapse: collapse; width: 100%; }
caption { padding: 0 0 .4rem; text-align: start; font-weight: 600; }
th, td { padding: .3rem .5rem; border-bottom: 1px solid var(--line); text-align: start; vertical-align: top; }
th { font-weight: 500; }
thead th { color: var(--faint); }
thead .number { white-space: normal; overflow-wrap: break-word; min-width: 6.5rem; }
tbody th { min-width: 14rem; }
.number { text-align: end; font-variant-numeric: tabular-nums; white-space: nowrap; }
.bar { position: relative; display: block; width: 4.5rem; height: .4rem; margin-inline-start: auto;
  background: linear-gradient(var(--line), var(--line)) center / 1px 100% no-repeat; }
.bar i { position: absolute; top: 0; bottom: 0; width: calc(var(--size) * 50%); }
.bar .plus { left: 50%; background: var(--plus); }
.bar .minus { right: 50%; background: var(--minus); }
.share { position: relative; display: block; height: .4rem; width: 4.5rem; margin-inline-start: auto;
  background: var(--raised); }
.share i { position: absolute; inset: 0 auto 0 0; width: calc(var(--size) * 100%); background: var(--plus); }
"""
_LEAST_SHOWN = 0.005
_DEEPEST = 0.75  # of the colour under the word with the most attention, so that every word can be read


def page(explanation: Explanation) -> str:
    """The explanation as a whole HTML document; whatever customers or the FAQ say is text in it and nothing else."""
    said = explanation.reply
    body = [
        f"<h1>Why? {_quoted(explanation.text)}</h1>",
        f'<p class="reply text" dir="auto">{_text(said.text)}</p>',
        *_list(_facts(explanation)),
        *(line for part in explanation.parts for line in _part(part)),
    ]
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Why? {_text(explanation.text)}</title>",
            f"<style>{_STYLE}</style>",
            "</head>",
            "<body>",
            "<main>",
            *body,
            "</main>",
            "</body>",
            "</html>",
            "",
        ]
    )


def _facts(explanation: Explanation) -> Iterator[tuple[str, str]]:
    """What is said of the message as a whole, as a name and HTML."""
    yield from _of_the_reply(explanation.reply)
    yield "language", f"{_text(explanation.locale)}; tone: {_text(explanation.tone.value)}"
    for value in explanation.values:
        note = "" if value.read else ' <span class="faint">(the network reads that there is one, not which)</span>'
        yield "value", f"{_text(value.name)} = {_span(value.value)}{note}"
    yield "thresholds", _text(thresholds(explanation))
    if explanation.promise:
        yield "promise", _text(explanation.promise)
    if explanation.memory is not None:
        yield from ((label, _span(text)) for label, text in memory(explanation.memory))


def _of_the_reply(said: Said) -> Iterator[tuple[str, str]]:
    for number, choice in enumerate(said.choices, 1):
        yield f"choice {number}", f'{_span(choice.text)} <span class="faint">{_text(choice.entry)}</span>'
    grade = f"; {_text(said.grade.value.replace('_', ' '))}" if said.grade is not None else ""
    yield "from", f"{_text(said.source.value)}, {_text(said.origin)}{grade}; confidence {said.confidence:.2f}"
    yield "because", _span(said.reason)
    for one in said.composed:
        stopped = "" if one.finished else ", cut off"
        note = f"for {_text(one.entry)}; sure to {one.confidence:.2f}{stopped}"
        yield "composed", f'{_span(one.text)} <span class="faint">({note})</span>'


def _part(part: Part) -> Iterator[str]:
    yield f"<section><h2>{_text(KINDS[part.kind].capitalize())}: {_quoted(part.text)}</h2>"
    facts = [("leans on", f"{_text(part.topic)}, after {_quoted(part.before)}")] if part.topic is not None else []
    facts.append(("verdict", f"{_text(VERDICTS[part.verdict])}: {_span(part.reason)}"))
    if part.pieces:
        pieces = "|".join(_text(piece) for piece in part.pieces)
        facts.append(
            ("pieces", f'<span class="text">{pieces}</span> <span class="faint">as the generator reads it</span>')
        )
    yield from _list(facts)
    yield from _words(part)
    yield from _contenders(part.contenders)
    entries = [one for one in part.contenders if one.entry is not None and one.features]
    if entries:
        heads = [f"{number}. {one.entry}" for number, one in enumerate(entries, 1)]
        yield from _added("What adds to the score", "value of 1", heads, entries, MEANINGS.__getitem__)
    for none in part.contenders:
        if none.entry is None and none.features:
            title = "What adds to the score of none of them"
            yield from _added(title, "value", ["none of them"], [none], NONE_MEANINGS.__getitem__)
    yield from _nearest(part.nearest)
    yield "</section>"


def _words(part: Part) -> Iterator[str]:
    if not part.words:
        return
    most = max(word.attention for word in part.words)
    yield '<p class="faint">The words that the network reads, and how much it looks at each</p><ul class="words">'
    for word in part.words:
        share = f"--share: {_DEEPEST * word.attention / most:.3f}"
        kind = "text" if word.known else "text unknown"
        yield f'<li class="{kind}" style="{share}">{_text(word.text)}<small>{word.attention:.0%}</small></li>'
    yield "</ul>"
    if not all(word.known for word in part.words):
        yield '<p class="faint">Dashed: not known as a word, read by its parts</p>'


def _contenders(contenders: Sequence[Contender]) -> Iterator[str]:
    yield from _open("What comes into question", ["", "entry", "question"], ["confidence", "score"])
    for number, one in enumerate(contenders, 1):
        share = f'<span class="share"><i style="--size: {min(1.0, max(0.0, one.confidence)):.3f}"></i></span>'
        place, name = (str(number), one.entry) if one.entry is not None else ("", "none of them")
        cells = [
            f'<td class="number">{place}</td>',
            f'<th scope="row">{_text(name)}</th>',
            f"<td>{_span(one.question)}</td>",
        ]
        numbers = [f'<td class="number">{one.confidence:.1%}{share}</td>', f'<td class="number">{one.score:+.2f}</td>']
        yield f"<tr>{''.join(cells + numbers)}</tr>"
    yield "</tbody></table></div>"


def _added(
    title: str, value: str, heads: Sequence[str], contenders: Sequence[Contender], meaning: Callable[[str], str]
) -> Iterator[str]:
    """A row for every feature that makes a difference, a column with bars for every contender."""
    most = max((abs(feature.adds) for one in contenders for feature in one.features), default=0.0)
    yield from _open(title, ["feature"], [value, *heads])
    for row in zip(*(one.features for one in contenders), strict=True):
        if any(abs(feature.adds) >= _LEAST_SHOWN for feature in row):
            adds = "".join(_bar(feature, most) for feature in row)
            shown = f'<td class="number">{row[0].value:.2f}</td>'
            yield f'<tr><th scope="row">{_text(meaning(row[0].name))}</th>{shown}{adds}</tr>'
    scores = "".join(f'<td class="number">{one.score:+.2f}</td>' for one in contenders)
    yield f'<tr><th scope="row">score</th><td></td>{scores}</tr></tbody></table></div>'


def _bar(feature: Feature, most: float) -> str:
    kind = "plus" if feature.adds >= 0 else "minus"
    bar = f'<span class="bar"><i class="{kind}" style="--size: {abs(feature.adds) / most:.3f}"></i></span>'
    return f'<td class="number">{feature.adds:+.2f}{bar}</td>'


def _nearest(nearest: Sequence[Near]) -> Iterator[str]:
    if not nearest:
        return
    yield from _open("The nearest stored questions", ["question", "entry", "in common"], ["words", "letters"])
    for one in nearest:
        common = ", ".join(map(matched, one.matches)) or "nothing that is a word"
        texts = f'<th scope="row">{_span(one.question)}</th><td>{_text(one.entry)}</td><td>{_span(common)}</td>'
        shares = f'<td class="number">{one.words:.0%}</td><td class="number">{one.grams:.0%}</td>'
        yield f"<tr>{texts}{shares}</tr>"
    yield "</tbody></table></div>"


def _open(title: str, texts: Sequence[str], numbers: Sequence[str]) -> Iterator[str]:
    """A table up to its first row: the columns of text first, then those of numbers."""
    heads = [f'<th scope="col">{_text(name)}</th>' if name else "<td></td>" for name in texts]
    heads += [f'<th scope="col" class="number">{_text(name)}</th>' for name in numbers]
    yield f'<div class="scroll" role="region" tabindex="0" aria-label="{_text(title)}"><table>'
    yield f"<caption>{_text(title)}</caption><thead><tr>{''.join(heads)}</tr></thead><tbody>"


def _list(facts: Iterator[tuple[str, str]] | Sequence[tuple[str, str]]) -> Iterator[str]:
    """Names with what is said of them; that is HTML already."""
    yield "<dl>"
    yield from (f"<dt>{_text(name)}</dt><dd>{html}</dd>" for name, html in facts)
    yield "</dl>"


def _span(text: str) -> str:
    return f'<span class="text" dir="auto">{_text(text)}</span>'


def _quoted(text: str) -> str:
    return f'“<span class="text" dir="auto">{_text(text)}</span>”'


def _text(text: str) -> str:
    """Any text as it may stand in HTML, in an attribute too."""
    return escape(clean(text))
