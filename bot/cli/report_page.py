"""The report of a model as one page that stands by itself: no script, nothing from the network, light and dark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.cli.output import counted
from bot.cli.page import document, facts, figure, plain, row, span, table
from bot.cli.progress import duration
from bot.cli.report_charts import grid, losses, reliability
from engine.training.appraisal import FILE, OWN, Appraisal, Composing
from engine.training.history import Curve
from engine.training.inside import AttentionMap, GateActivity
from engine.training.mistakes import Example
from engine.training.report import Group

_MOST_ENTRIES = 40
_MOST_WORDS = 400  # characters of a question that are shown
_MOST_OF_A_REPLY = 200
_SECTIONS = (
    ("answers", "What it answers"),
    ("entries", "Finding the entry"),
    ("sure", "How sure it is"),
    ("composing", "Composing"),
    ("training", "How training went"),
    ("examples", "Examples"),
    ("inside", "Inside the networks"),
    ("origin", "What was trained"),
)
_STAGES = {
    "understand": "Understanding: which entry is meant",
    "compose": "Composing: the next piece of a reply",
    "rehearse": "Rehearsing: on a part of the questions, to fit confidence on the rest",
}
_TURNING = {"right": "right", "wrong": "wrong", "asked": "asked back", "declined": "declined"}


def page(appraisal: Appraisal) -> str:
    """The report as a whole HTML document; whatever customers or the FAQ say is text in it and nothing else."""
    title = f"Report of model {appraisal.fingerprint[:12]}"
    parts = (_answers, _entries, _sure, _composing, _training, _examples, _inside, _origin)
    body = [f"<h1>{plain(title)}</h1>", *_head(appraisal), *_contents()]
    for (name, heading), part in zip(_SECTIONS, parts, strict=True):
        body += [f'<section id="{name}"><h2>{plain(heading)}</h2>', *part(appraisal), "</section>"]
    return document(title, body)


def asked_of(appraisal: Appraisal) -> str:
    """Which questions it was asked, as a sentence."""
    asked = counted(appraisal.report.whole.questions, "question", "questions")
    if appraisal.origin == OWN:
        return (
            f"It was asked the {asked} that it was trained on: the model holds no others. So the figures are "
            "better than customers will find them; name real questions with --questions."
        )
    if appraisal.origin == FILE:
        return f"It was asked the {asked} of {appraisal.source}."
    return f"It was asked the {asked} held out from its training, which it was judged by."


def figures_of(appraisal: Appraisal) -> list[tuple[str, str]]:
    """The figures that sum it up, as a name and a number for people."""
    report = appraisal.report
    found = [(f"recall@{one.depth}", f"{one.share:.1%}") for one in appraisal.recalls]
    if found:
        found[0] = ("best entry is right", found[0][1])
    found += [("answered", f"{report.coverage:.1%}"), ("wrong of these", f"{report.wrong_rate:.1%}")]
    found += [("AURC", f"{report.aurc:.4f}"), ("calibration error", f"{report.error_after:.3f}")]
    composing = appraisal.composing
    whole = composing.judgements[""] if composing is not None else None
    if whole is not None and whole.texts:
        found.append(("composed word for word", f"{whole.exact:.1%}"))
    if whole is not None and whole.overlap is not None:
        found += [("BLEU", f"{whole.overlap.bleu:.1f}"), ("chrF", f"{whole.overlap.chrf:.1f}")]
    if composing is not None and composing.held_out is not None:
        found.append(("perplexity, held out", f"{composing.held_out:.2f}"))
    return found


def _head(appraisal: Appraisal) -> Iterator[str]:
    yield f'<p class="{"note" if appraisal.origin == OWN else "lead"}">{span(asked_of(appraisal))}</p>'
    tiles = "".join(f"<li><b>{plain(value)}</b>{plain(name)}</li>" for name, value in figures_of(appraisal))
    yield f'<ul class="tiles">{tiles}</ul>'
    yield from (f'<p class="note">{span(note)}</p>' for note in appraisal.notes)


def _contents() -> Iterator[str]:
    items = "".join(f'<li><a href="#{name}">{plain(heading)}</a></li>' for name, heading in _SECTIONS)
    yield f'<nav aria-label="Contents"><ul>{items}</ul></nav>'


def _answers(appraisal: Appraisal) -> Iterator[str]:
    report = appraisal.report
    if report.promise is not None:
        yield f"<p>{span(_sentence(report.promise.sentence()))}</p>"
    if report.broken:
        yield (
            '<p class="note">More answers are wrong than promised, and not by chance: these questions are unlike the '
            "held-out ones. Train again with some of their kind for validation.</p>"
        )
    svg = report.svg()
    yield f'<div class="charts">{figure("Wrong answers by share of questions answered (risk and coverage)", svg)}</div>'
    yield (
        '<p class="faint">The dot is where the bot stands with its threshold. To the right it would answer more; '
        f"upwards more of that would be wrong. Area under the curve: {report.aurc:.4f}, less is better.</p>"
    )
    groups = [report.whole, *report.scopes, *report.locales]
    yield from table("By scope and language", ["questions"], _COUNTS, [_group(one, span(one.name)) for one in groups])
    yield from _verdicts(appraisal.decisions)


_COUNTS = ("count", "answered", "right", "wrong", "best right")


def _group(group: Group, html: str) -> str:
    counts = (group.questions, group.answered, group.right, group.wrong, group.best_right)
    return row([html], [f"{count:,}" for count in counts])


def _verdicts(decisions: Mapping[str, Any]) -> Iterator[str]:
    """What was done with the questions, as shares."""
    groups = [("in scope", decisions["in_scope"]), ("out of scope", decisions["out_of_scope"])]
    groups += [(f"{name}, in scope", both["in_scope"]) for name, both in decisions["by_kind"].items()]
    names = ("right", "wrong", "asked", "declined")
    rows = [row([span(name)], [f"{one['count']:,}", *(f"{one[part]:.1%}" for part in names)]) for name, one in groups]
    yield from table("What was done with them", ["questions"], ["count", *map(_TURNING.__getitem__, names)], rows)


def _entries(appraisal: Appraisal) -> Iterator[str]:
    if not appraisal.recalls:
        yield '<p class="faint">No entry is named as right for any of these questions.</p>'
        return
    shares = [row([f"among the best {one.depth}"], [f"{one.share:.1%}"]) for one in appraisal.recalls]
    yield from table("Where the right entry stood", ["recall"], ["of questions in scope"], shares)
    yield from _confusions(appraisal)
    wrong = [one for one in appraisal.report.entries if one.best_right < one.questions or one.wrong]
    title = f"Entries, the worst first{_more(len(wrong), _MOST_ENTRIES)}"
    if wrong:
        shown = wrong[:_MOST_ENTRIES]
        rows = [_group(one, _named(appraisal, one.name)) for one in shown]
        yield from table(title, ["entry"], _COUNTS, rows)
    right = len(appraisal.report.entries) - len(wrong)
    yield f'<p class="faint">Entries all of whose questions came out right: {right:,}.</p>'


def _confusions(appraisal: Appraisal) -> Iterator[str]:
    if not appraisal.confusions:
        yield '<p class="faint">No entry was mistaken for another.</p>'
        return
    rows = [
        row(
            [_named(appraisal, one.wanted), _named(appraisal, one.found), _texts(one.examples)],
            [f"{one.count:,}"],
        )
        for one in appraisal.confusions
    ]
    yield from table("Entries that are mistaken most", ["wanted", "came first", "for example"], ["times"], rows)


def _sure(appraisal: Appraisal) -> Iterator[str]:
    if not appraisal.bins:
        return
    error = appraisal.report.error_after
    chart = figure("Share of right ones by confidence (reliability)", reliability(appraisal.bins))
    yield f'<div class="charts">{chart}</div>'
    yield (
        '<p class="faint">A bar that ends at the dashed line is as often right as it is sure; above the line it is '
        f"too modest, below too sure. The numbers are questions. Expected calibration error: {error:.3f}, 0 is "
        "perfect.</p>"
    )


def _composing(appraisal: Appraisal) -> Iterator[str]:
    found = appraisal.composing
    if found is None or not found.judgements[""].texts:
        yield '<p class="faint">Nothing was composed.</p>'
        return
    whole = found.judgements[""]
    yield (
        f"<p>The composer was given the right entry of {whole.texts:,} questions"
        f"{f', drawn from {found.of:,}' if found.of > whole.texts + found.refused else ''}, and its words compared "
        "with the entry’s answer; numbers and names stand as placeholders on both sides."
        f"{f' {found.refused:,} have answers that are never composed.' if found.refused else ''}</p>"
    )
    yield from table("Composed replies beside the entries’ answers", ["language"], _MEASURES, _judged(found))
    if whole.note:
        yield f'<p class="note">{span(_sentence(whole.note))}</p>'
    yield from facts(_surprises(found))
    if whole.overlap is not None:
        yield '<h3>Signatures</h3><dl class="faint">'
        for name, one in found.judgements.items():
            if one.overlap is not None:
                yield f"<dt>BLEU, {plain(name or 'all')}</dt><dd>{plain(one.overlap.bleu_signature)}</dd>"
        yield f"<dt>chrF</dt><dd>{plain(whole.overlap.chrf_signature)}</dd></dl>"


_MEASURES = ("replies", "word for word", "BLEU", "chrF", "distinct-1", "distinct-2", "the answers’ own")


def _judged(found: Composing) -> Iterator[str]:
    for name, one in found.judgements.items():
        scores = [f"{one.overlap.bleu:.1f}", f"{one.overlap.chrf:.1f}"] if one.overlap is not None else ["", ""]
        own = f"{one.wanted_1:.3f}, {one.wanted_2:.3f}"
        numbers = [f"{one.texts:,}", f"{one.exact:.1%}", *scores, f"{one.distinct_1:.3f}", f"{one.distinct_2:.3f}", own]
        yield row([span(name or "all")], numbers)


def _surprises(found: Composing) -> Iterator[tuple[str, str]]:
    if found.held_out is not None:
        yield "perplexity", f"{found.held_out:.3f} a piece, on replies that were kept from its training"
    if found.surprise is not None:
        one = found.surprise
        where = f"{one.replies:,} answers asked for by these questions ({one.pieces:,} pieces)"
        yield "perplexity here", f"{one.perplexity:.3f} a piece, on the {where}"


def _training(appraisal: Appraisal) -> Iterator[str]:
    history = appraisal.history
    if history is None or not history.steps:
        yield '<p class="faint">No history was kept beside this model.</p>'
        return
    began = history.began.strftime("%Y-%m-%d %H:%M UTC")
    yield f"<p>Begun {plain(began)}, took {plain(duration(history.seconds))}.</p>"
    stages: dict[str, list[Curve]] = {}
    for curve in history.curves():
        stages.setdefault(curve.stage, []).append(curve)
    charts = [figure(_STAGES.get(stage, stage), losses(curves)) for stage, curves in stages.items()]
    yield f'<div class="charts">{"".join(charts)}</div>'
    rows = [_stage(stage, curve) for stage, curves in stages.items() for curve in curves]
    yield (
        '<p class="faint">Training is made harder than use, by noise, dropped units and smoothed targets, so its '
        "losses may lie above those on what was kept to judge by.</p>"
    )
    yield from table("Stages", ["stage"], ["epochs", "loss", "kept to judge by", "best epoch", "until"], rows)


def _stage(stage: str, curve: Curve) -> str:
    last, best = curve.steps[-1], curve.best
    numbers = [
        f"{last.epoch} of {last.epochs}",
        f"{last.loss:.3f}" if last.loss is not None else "no number",
        f"{best.validation:.3f}" if best is not None and best.validation is not None else "",
        f"{best.epoch}" if best is not None else "",
        duration(last.seconds),
    ]
    return row([plain(f"{stage}, turn {curve.turn + 1}" if curve.turn else stage)], numbers)


def _examples(appraisal: Appraisal) -> Iterator[str]:
    if not appraisal.worst:
        yield '<p class="faint">Nothing went wrong on these questions.</p>'
    else:
        title = "What went wrong: wrong answers first, the surest of them on top"
        yield from _example_table(title, appraisal.worst)
    yield from _example_table("The longest questions", appraisal.longest)


def _example_table(title: str, examples: Sequence[Example]) -> Iterator[str]:
    rows = []
    for one in examples:
        wanted = ", ".join(one.wanted) or "nothing: out of scope"
        came = f'{span(one.found or "nothing")}<br><span class="faint">{span(_cut(one.reply, _MOST_OF_A_REPLY))}</span>'
        texts = [span(_cut(one.question)), span(wanted), came, plain(_TURNING.get(one.verdict, one.verdict))]
        rows.append(row(texts, [f"{one.confidence:.0%}"]))
    yield from table(title, ["question", "wanted", "came first, and the reply", "verdict"], ["confidence"], rows)


def _inside(appraisal: Appraisal) -> Iterator[str]:
    if not appraisal.attention and not appraisal.gates:
        yield '<p class="faint">The networks could not be looked at from inside.</p>'
        return
    yield (
        '<p class="faint">Where the composer looks: a row for each piece that it writes, a column for each that it '
        "reads; the darker, the more of its attention. A dot begins a piece that goes on a word.</p>"
    )
    yield from (_map(one) for one in appraisal.attention)
    yield (
        '<p class="faint">What the sentence encoder lets through: how far its gates are open at each piece, in per '
        "cent, as the mean of all units; → reads onward, ← backward. The input gate lets new things in, the forget "
        "gate keeps what was there (open means kept), the output gate shows it.</p>"
    )
    yield from (_opened(one) for one in appraisal.gates)


def _map(one: AttentionMap) -> str:
    svg = grid(f"attention: {one.question}", _labels(one.written), _labels(one.read), one.weights)
    return figure(f"{one.entry}: {one.question}", svg)


def _opened(one: GateActivity) -> str:
    svg = grid(f"gates: {one.text}", one.gates, _labels(one.pieces), one.values, numbers=True)
    return figure(f"Gates: {one.text}", svg)


def _labels(pieces: Sequence[str]) -> list[str]:
    """Pieces as they are shown: without the blank before a word, with a dot where they go on one."""
    found: list[str] = []
    before = " "
    for piece in pieces:
        going_on = before[-1:].isascii() and before[-1:].isalnum() and piece[:1].isascii() and piece[:1].isalnum()
        found.append(f"·{piece}" if going_on else piece.strip() or "␣")
        before = piece
    return found


def _origin(appraisal: Appraisal) -> Iterator[str]:
    history = appraisal.history
    pairs = [("fingerprint", appraisal.fingerprint), ("entries", f"{appraisal.entries:,}")]
    if history is not None:
        pairs.append(("seconds", f"{history.seconds:,.0f}"))
    pairs += [(name, value) for name, value in _flat(appraisal.facts) if value]
    pairs.append(("measured with", ", ".join(f"{name} {value}" for name, value in appraisal.versions.items())))
    yield from facts((name, span(value)) for name, value in pairs)


def _flat(data: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Facts as lines; the names of what they stand in are put before them."""
    if isinstance(data, Mapping):
        for key, value in data.items():
            outer = "" if name in ("", "training") else f"{name} "
            yield from _flat(value, f"{outer}{key}".replace("_", " "))
    elif isinstance(data, list | tuple) and not all(isinstance(one, str | int | float) for one in data):
        yield name, f"{len(data):,} of them"
    elif isinstance(data, list | tuple):
        yield name, "\n".join(map(str, data))
    else:
        yield name, f"{data:.4g}" if isinstance(data, float) else str(data)


def _named(appraisal: Appraisal, entry: str) -> str:
    """An entry with the question that stands for it."""
    title = appraisal.titles.get(entry, "")
    return span(entry) + (f'<br><span class="faint">{span(_cut(title))}</span>' if title else "")


def _texts(texts: Sequence[str]) -> str:
    return "<br>".join(f"“{span(_cut(text))}”" for text in texts)


def _cut(text: str, most: int = _MOST_WORDS) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _more(count: int, shown: int) -> str:
    return f" ({shown} of {count:,})" if count > shown else ""


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."
