"""What stands in a FAQ more than once: questions, answers, and test questions that training knows already."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from engine.checks.alike import alike, signature
from engine.checks.finding import Asked, Finding, Kind, Material, Severity, at, named, place
from engine.knowledge.entries import Entry
from engine.knowledge.table import Row
from engine.text.normalise import matching

_SHOWN = 60  # characters of a text in a message


def repeated(material: Material) -> Iterator[Finding]:
    """Questions that stand more than once in their entry."""
    for name, rows in material.origins.repeated.items():
        by_form = {matching(question): question for question in material.knowledge[name].questions}
        times: dict[str, int] = defaultdict(int)
        first: dict[str, Row] = {}
        for row in rows:
            form = matching(row.get("question"))
            times[form] += 1
            first.setdefault(form, row)
        for form, row in first.items():
            before = material.question_row(material.knowledge[name], by_form[form])
            count = f"{times[form]:,} times more" if times[form] > 1 else "once more"
            message = f"stands {count} in entry {name}{place(before)}; it is read once, and can be taken out here"
            yield at(row, Kind.DUPLICATE, Severity.NOTE, "question", message)


def conflicts(material: Material) -> Iterator[Finding]:
    """Questions that entries of one language answer differently."""
    asked: dict[tuple[str, str], list[tuple[Entry, str]]] = defaultdict(list)
    for entry in material.knowledge:
        for question in entry.questions:
            asked[entry.locale, matching(question)].append((entry, question))
    for found in asked.values():
        if _differ([entry for entry, _ in found]):
            rows = [material.question_row(*one) for one in found]
            first = f"; it stands first in line {rows[0].line} of {rows[0].file}" if rows[0] else ""
            names = named([entry.id for entry, _ in found])
            message = f"the same question stands in entries {names} with different answers: settle it{first}"
            yield at(rows[1], Kind.CONFLICT, Severity.WARNING, "question", message)


def nearly(material: Material) -> Iterator[Finding]:
    """Questions of one language that are nearly the same and are answered differently; equal ones are conflicts."""
    for locale in dict.fromkeys(entry.locale for entry in material.knowledge):
        own = [(entry, text) for entry in material.knowledge if entry.locale == locale for text in entry.questions]
        for group in alike([text for _, text in own]):
            found = [own[number] for number in group]
            other = next((one for one in found if _other(found[0], one)), None)
            if other is not None:
                yield _nearly(material, found[0], other, len(found))


def declined(material: Material) -> Iterator[Finding]:
    """Questions that are marked as unanswered, and that an entry answers."""
    answered = {matching(text): entry for entry in material.knowledge for text in entry.questions}
    for question in material.knowledge.unanswered:
        entry = answered.get(matching(question))
        if entry is not None:
            message = f"is marked as unanswered, and entry {entry.id} answers it: take out one of both"
            yield at(material.origins.unanswered.get(question), Kind.DECLINED, Severity.WARNING, "question", message)


def several_ids(material: Material) -> Iterator[Finding]:
    """Answers that stand in several entries."""
    by_answer: dict[str, list[Entry]] = defaultdict(list)
    for entry in material.knowledge:
        by_answer[matching(entry.answer)].append(entry)
    for entries in by_answer.values():
        if len(entries) > 1:
            names = named([entry.id for entry in entries])
            message = f"one answer stands under several ids: {names}; make them one entry, or the answers different"
            yield material.of_answer(Kind.SEVERAL_IDS, Severity.WARNING, entries[1], message)


def leaks(material: Material) -> Iterator[Finding]:
    """Test and validation questions that stand in training, word for word or nearly."""
    if not material.asked:
        return
    exact: dict[str, tuple[str, str]] = {}
    near: dict[tuple[str, ...], tuple[str, str]] = {}
    for name, text in _taught(material):
        exact.setdefault(matching(text), (name, text))
        near.setdefault(signature(text), (name, text))
    for asked in material.asked:
        known = exact.get(matching(asked.text))
        words = "stands" if known else "nearly stands"
        known = known or (near.get(signature(asked.text)) if signature(asked.text) else None)
        if known is not None:
            yield _leak(material, asked, known, words)


def _taught(material: Material) -> Iterator[tuple[str, str]]:
    """Every text of training with the id of its entry, empty for what is unanswered."""
    yield from ((entry.id, text) for entry in material.knowledge for text in entry.questions)
    yield from (("", text) for text in material.knowledge.unanswered)


def _leak(material: Material, asked: Asked, known: tuple[str, str], words: str) -> Finding:
    name, text = known
    row = material.origins.questions.get(known) if name else material.origins.unanswered.get(text)
    where = f"in entry {name}" if name else "among the unanswered"
    message = f"{words} {where}{place(row)}: what is known by heart proves nothing; ask it in other words"
    if asked.entries and name not in asked.entries:
        right = named(sorted(asked.entries))
        message = f"{words} {where}{place(row)}, and is to be answered from {right}: settle it, then ask in other words"
    return Finding(Kind.LEAK, Severity.WARNING, asked.file, asked.line, "question", message)


def _differ(entries: Sequence[Entry]) -> bool:
    return len(entries) > 1 and len({matching(entry.answer) for entry in entries}) > 1


def _other(one: tuple[Entry, str], other: tuple[Entry, str]) -> bool:
    return matching(one[1]) != matching(other[1]) and _differ([one[0], other[0]])


def _nearly(material: Material, one: tuple[Entry, str], other: tuple[Entry, str], size: int) -> Finding:
    more = f" ({size} such questions in all)" if size > 2 else ""
    message = (
        f"{_short(other[1])} in entry {other[0].id} is nearly {_short(one[1])} in entry "
        f"{one[0].id}{place(material.question_row(*one))}, with another answer{more}: settle it, or say how they differ"
    )
    return material.of_question(Kind.ALIKE, Severity.WARNING, *other, message)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return f"“{line[:_SHOWN].rstrip()}…”" if len(line) > _SHOWN else f"“{line}”"
