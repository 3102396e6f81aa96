"""An explanation for the terminal: at most 100 columns, plain characters, columns aligned in English and Chinese."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rich.cells import cell_len, chop_cells, set_cell_size

from bot.cli.output import one_line
from engine.explanation import (
    MEANINGS,
    NONE_MEANINGS,
    Contender,
    Explanation,
    Match,
    Near,
    Part,
    Remembered,
    Said,
    Word,
)

COLUMNS = 100
VERDICTS = {
    "answer": "it would be answered",
    "clarify": "the bot would ask back",
    "decline": "it would not be answered",
    "person": "it would be passed to a person",
}
"""What would come of one reading by itself, by ``engine.arbiter.Verdict``."""
KINDS = {
    "message": "the message",
    "question": "one of its questions",
    "follow-up": "the same question, leaning on the one before",
}
"""The kinds of ``engine.explanation.Part`` in words."""
_INDENT = "  "
_LABEL = 12
_WORD, _BAR, _WORDS_A_LINE = 14, 10, 3
_ENTRY = 28
_MEANING = 50
_PLACE, _CONFIDENCE = 3, 11
_NUMBER = 7
_LEAST_SHOWN = 0.005
_TURNS_DIRECTION = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
_MARK = "~"


def lines(explanation: Explanation) -> Iterator[str]:
    """The explanation line by line: the reply first, then what led to it."""
    yield from _labelled("asked", explanation.text)
    yield from _reply(explanation.reply)
    yield from _labelled("language", f"{explanation.locale}; tone: {explanation.tone.value}")
    for value in explanation.values:
        note = "" if value.read else " (the network reads that there is one, not which)"
        yield from _labelled("value", f"{value.name} = {value.value}{note}")
    yield from _labelled("thresholds", thresholds(explanation))
    if explanation.promise:
        yield from _labelled("promise", explanation.promise)
    if explanation.memory is not None:
        for label, text in memory(explanation.memory):
            yield from _labelled(label, text)
    for part in explanation.parts:
        yield from _part(part)


def thresholds(explanation: Explanation) -> str:
    """The thresholds in force."""
    found = explanation.thresholds
    named = {"answer": found.answer, "follow-up": max(found.answer, found.follow_up), "ask back": found.clarify}
    named["compose"] = found.generate
    return ", ".join(f"{name} {f'from {value:.2f}' if value <= 1 else 'never'}" for name, value in named.items())


def memory(remembered: Remembered) -> Iterator[tuple[str, str]]:
    """What memory holds and what that changes, each with a word for it."""
    topic = f"about {remembered.topic}" if remembered.topic is not None else "nothing was answered yet"
    yield "memory", f"after turn {remembered.turn}; {topic}"
    if remembered.values:
        yield "knows", ", ".join(f"{name} = {value}" for name, value in remembered.values.items())
    if remembered.offered:
        about = f" for “{remembered.about}”" if remembered.about else ""
        yield "offered", "; ".join(f"{choice.entry}: {choice.text}" for choice in remembered.offered) + about
    for one in remembered.settled:
        yield "settled", f"“{one.question}” means {', '.join(one.entries)}"
    with_it, alone = (
        f"{one.entry} ({one.confidence:.0%})" if one is not None else "nothing"
        for one in (remembered.best, remembered.alone)
    )
    yield "it changes", f"best with memory {with_it}, without it {alone}"


def matched(match: Match) -> str:
    """A match in words: one word, or what was typed beside what is stored."""
    return match.typed if match.typed == match.stored else f"{match.typed} {_MARK} {match.stored} ({match.alike:.0%})"


def _reply(said: Said) -> Iterator[str]:
    yield from _labelled("reply", said.text)
    for number, choice in enumerate(said.choices, 1):
        yield from _labelled("", f"{number}. {choice.text} [{choice.entry}]")
    origin = said.origin if said.grade is None else f"{said.origin}; {said.grade.value.replace('_', ' ')}"
    yield from _labelled("from", f"{said.source.value}, {origin}; confidence {said.confidence:.2f}")
    yield from _labelled("because", said.reason)
    for one in said.composed:
        stopped = "" if one.finished else ", cut off"
        yield from _labelled("composed", f"{one.text} (for {one.entry}; sure to {one.confidence:.2f}{stopped})")


def _part(part: Part) -> Iterator[str]:
    yield ""
    yield from _wrapped(f"{KINDS[part.kind]}: “{part.text}”", COLUMNS)
    yield "-" * COLUMNS
    if part.topic is not None:
        yield from _labelled("leans on", f"{part.topic}, after “{part.before}”")
    yield from _labelled("verdict", f"{VERDICTS[part.verdict]}: {part.reason}")
    yield from _words(part)
    yield from _contenders(part.contenders)
    yield from _nearest(part.nearest)


def _words(part: Part) -> Iterator[str]:
    if part.words:
        yield from _heading("the words that the network reads, and where it looks")
        most = max(word.attention for word in part.words)
        cells = [_word(word, most) for word in part.words]
        for at in range(0, len(cells), _WORDS_A_LINE):
            yield f"{_INDENT}{(_INDENT + ' ').join(cells[at : at + _WORDS_A_LINE])}".rstrip()
        if not all(word.known for word in part.words):
            yield f"{_INDENT}{_MARK} is not known as a word; it is read by its parts"
    if part.pieces:
        yield from _heading("the pieces that the generator reads")
        yield from (f"{_INDENT}{line}" for line in _wrapped("|".join(part.pieces), COLUMNS - len(_INDENT)))


def _word(word: Word, most: float) -> str:
    name = _cell(word.text if word.known else f"{_cropped(word.text, _WORD - 1)}{_MARK}", _WORD)
    return f"{name} {'#' * round(_BAR * word.attention / most):{_BAR}} {word.attention:>4.0%}"


def _contenders(contenders: Sequence[Contender]) -> Iterator[str]:
    yield from _heading("what comes into question", f"{'confidence':>{_CONFIDENCE}}{'score':>{_NUMBER}}")
    room = COLUMNS - len(_INDENT) - _PLACE - _CONFIDENCE - _NUMBER
    for number, one in enumerate(contenders, 1):
        place, name = (str(number), _name(one, room)) if one.entry is not None else ("-", _cell("none of them", room))
        yield f"{_INDENT}{place:{_PLACE}}{name}{one.confidence:>{_CONFIDENCE}.1%}{one.score:>+{_NUMBER}.2f}"
    entries = [one for one in contenders if one.entry is not None and one.features]
    if entries:
        heads = "".join(f"{number:>{_NUMBER}}" for number in range(1, len(entries) + 1))
        yield from _heading("what adds to the score", f"{'value of 1':>{_NUMBER + 5}}{heads}")
        yield from _added(entries, MEANINGS.__getitem__)
    for none in contenders:
        if none.entry is None and none.features:
            yield from _heading(
                "what adds to the score of none of them", f"{'value':>{_NUMBER + 5}}{'adds':>{_NUMBER}}"
            )
            yield from _added([none], NONE_MEANINGS.__getitem__)


def _name(one: Contender, columns: int) -> str:
    return f"{_cell(str(one.entry), _ENTRY - 1)} {_cell(one.question, columns - _ENTRY)}"


def _added(contenders: Sequence[Contender], meaning: Callable[[str], str]) -> Iterator[str]:
    """A line for every feature that makes a difference, a column for every contender."""
    for row in zip(*(one.features for one in contenders), strict=True):
        if any(abs(feature.adds) >= _LEAST_SHOWN for feature in row):
            adds = "".join(f"{feature.adds:>+{_NUMBER}.2f}" for feature in row)
            yield f"{_INDENT}{_cell(meaning(row[0].name), _MEANING)}{row[0].value:>{_NUMBER + 5}.2f}{adds}"


def _nearest(nearest: Sequence[Near]) -> Iterator[str]:
    if not nearest:
        return
    room = COLUMNS - len(_INDENT) - _ENTRY - 2 * (_NUMBER + 1)
    yield from _heading("the nearest stored questions", f"{'words':>{_NUMBER + 1}}{'letters':>{_NUMBER + 1}}")
    for one in nearest:
        shares = f"{one.words:>{_NUMBER + 1}.0%}{one.grams:>{_NUMBER + 1}.0%}"
        yield f"{_INDENT}{_cell(one.question, room - 1)} {_cell(one.entry, _ENTRY)}{shares}"
        common = ", ".join(map(matched, one.matches)) or "nothing that is a word"
        for line in _wrapped(f"in common: {common}", COLUMNS - 6):
            yield f"      {line}"


def _heading(text: str, right: str = "") -> Iterator[str]:
    yield ""
    yield f"{_INDENT}{_cell(text, COLUMNS - len(_INDENT) - len(right))}{right}".rstrip()


def _labelled(label: str, text: str) -> Iterator[str]:
    for number, line in enumerate(_wrapped(text, COLUMNS - _LABEL)):
        yield f"{label if number == 0 else '':{_LABEL}}{line}".rstrip()


def _wrapped(text: str, columns: int) -> Iterator[str]:
    """A text in lines; its own line breaks are kept, empty lines are not. At least one line."""
    found = [line for paragraph in text.splitlines() for line in _filled(_line(paragraph), columns)]
    yield from found or [""]


def _filled(text: str, columns: int) -> Iterator[str]:
    line = ""
    for word in text.split():
        if line and cell_len(line) + 1 + cell_len(word) > columns:
            yield line
            line = ""
        *full, rest = chop_cells(word, columns) if cell_len(word) > columns else [word]
        yield from full
        line = f"{line} {rest}" if line else rest
    if line:
        yield line


def _cell(text: str, columns: int) -> str:
    """One line of exactly so many columns."""
    return set_cell_size(_cropped(_line(text), columns), columns)


def _cropped(text: str, columns: int) -> str:
    """The beginning of a text that is wider than so many columns, with a mark that it goes on."""
    return text if cell_len(text) <= columns else f"{set_cell_size(text, columns - 1).rstrip()}…"


def _line(text: str) -> str:
    return one_line(text).translate(_TURNS_DIRECTION)
