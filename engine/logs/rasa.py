"""Training data of Rasa: examples of intents, responses, and which response an intent gets.

One project is several files: intents, responses and rules are gathered from all of them and joined at the end.
An intent is answered by the response of the same name where it is a retrieval intent (``faq/hours`` by
``utter_faq/hours``), else by the first ``utter_`` of a rule that begins with it, else of most stories, else by
``utter_`` and its own name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from engine.knowledge.entries import SMALL_TALK
from engine.knowledge.table import Row
from engine.logs.nodes import Node, read_nodes
from engine.logs.notes import Notes
from engine.logs.raw import Raw
from engine.logs.words import said

_SECTIONS = ("nlu", "responses", "rules", "stories")
_OTHER_NLU = ("synonym", "regex", "lookup")
_SAY = "utter_"
_ENTITY = re.compile(r"\[([^\[\]]+)\](?:\([^()\n]*\)|\{[^{}\n]*\}|\[\{[^\[\]\n]*\}\])")
_DASH = re.compile(r"^\s*[-*+]\s+(.*)$")


@dataclass(frozen=True, slots=True)
class Example:
    """One way to say an intent, and where it stands."""

    file: str
    line: int
    intent: str
    text: str


@dataclass(slots=True)
class Parts:
    """What the files of a project say, before it is joined."""

    examples: list[Example] = field(default_factory=list)
    responses: dict[str, str] = field(default_factory=dict)
    origins: dict[str, Notes] = field(default_factory=dict)
    rules: dict[str, str] = field(default_factory=dict)
    stories: dict[str, Counter[str]] = field(default_factory=dict)


def read_rasa(raw: Raw, notes: Notes, parts: Parts) -> None:
    """Add what a file says to ``parts``."""
    for root in read_nodes(raw.text(), notes):
        if root.members is None:
            notes.wrong(root.line, "", "not a file of Rasa: nlu, responses, rules or stories is needed at the top")
            continue
        for section in _SECTIONS:
            found = root.get(section)
            if found is None or found.text is not None:  # an empty section is a scalar
                continue
            match section:
                case "nlu":
                    parts.examples.extend(_examples(found, notes))
                case "responses":
                    _responses(found, notes, parts)
                case _:
                    for step in _links(found, notes):
                        _link(section, *step, parts)
        _passed_over(root, notes)


def join(parts: Parts, notes: Mapping[str, Notes]) -> dict[str, list[Row]]:
    """Rows of a FAQ by file; intents of one response are one entry, called after the first of them.

    What finds no answer, and answers that nobody can ask for, are counted as left out in ``notes`` of their file.
    """
    rows: dict[str, list[Row]] = {}
    named: dict[str, str] = {}
    for example in parts.examples:
        response = _response(example.intent, parts)
        answer = parts.responses.get(response or "", "")
        if not answer:
            notes[example.file].leave(f"examples of intent {example.intent}, which no response answers")
            continue
        fields = {"id": named.setdefault(answer, example.intent), "question": example.text, "answer": answer}
        if example.intent.startswith("chitchat/"):
            fields["tags"] = SMALL_TALK
        rows.setdefault(example.file, []).append(Row(example.file, example.line, fields))
    asked = {_response(intent, parts) for intent in {example.intent for example in parts.examples}}
    for response, origin in parts.origins.items():
        if response not in asked:
            origin.leave("responses to which no intent leads")
    return rows


def without_entities(text: str) -> str:
    """An example as a customer would write it: ``fly to [Berlin](city)`` is ``fly to Berlin``."""
    before = ""
    while before != text:
        before, text = text, _ENTITY.sub(r"\1", text)
    return text


def _examples(section: Node, notes: Notes) -> Iterator[Example]:
    for item in section.items or []:
        intent = item.said("intent")
        if not intent:
            other = next((key for key in _OTHER_NLU if item.get(key) is not None), None)
            if other is None:
                notes.wrong(item.line, "nlu", "names no intent")
            else:
                notes.leave(f"nlu of the kind {other}")
            continue
        lines = list(_lines(item.get("examples")))
        if not lines:
            notes.wrong(item.line, "examples", f"intent {intent} has no examples: a list, or a block of '- text' lines")
        for line, text in lines:
            if found := said(without_entities(text)):
                yield Example(notes.file, line, intent, found)


def _lines(examples: Node | None) -> Iterator[tuple[int, str]]:
    """Examples as a block of lines, each after a dash, or as a list of texts or of mappings with a text."""
    if examples is None:
        return
    for item in examples.items or []:
        text = item.text if item.text is not None else item.said("text")
        dashed = _DASH.match(text)
        yield item.line, dashed.group(1) if dashed else text
    for number, line in enumerate((examples.text or "").split("\n"), 1):
        if dashed := _DASH.match(line):
            yield examples.line + number, dashed.group(1)


def _responses(section: Node, notes: Notes, parts: Parts) -> None:
    for key, node in (section.members or {}).items():
        if not key.startswith(_SAY):
            notes.wrong(node.line, key, f"is no name of a response: it begins with {_SAY}")
            continue
        variants = node.items or []
        # a variant for one channel, or on a condition, is not what everybody is told
        general = [each for each in variants if each.get("channel") is None and each.get("condition") is None]
        texts = [text for each in (general or variants) if (text := said(each.text or each.said("text")))]
        if not texts:
            notes.leave("responses without text (buttons, images or custom ones)")
            continue
        if len(variants) > 1:
            notes.leave("further variants of a response (the first is taken)", len(variants) - 1)
        if parts.responses.setdefault(key, texts[0]) != texts[0]:
            notes.wrong(node.line, key, "has another text in another file; keep one of them")
        parts.origins.setdefault(key, notes)
        notes.measure(texts[0], node.line, key)


def _links(section: Node, notes: Notes) -> Iterator[tuple[list[str], str]]:
    """The intents that are answered, and by which response."""
    for story in section.items or []:
        intents: list[str] = []
        if story.get("steps") is None:
            notes.wrong(story.line, "steps", "is missing in a rule or story")
        for step in story.listed("steps"):
            asked = [each.said("intent") for each in (step.listed("or") or [step])]
            if any(asked):
                intents = [intent for intent in asked if intent]
            elif step.said("action").startswith(_SAY) and intents:
                yield intents, step.said("action")
                intents = []


def _link(section: str, intents: list[str], response: str, parts: Parts) -> None:
    for intent in intents:
        if section == "rules":
            parts.rules.setdefault(intent, response)
        else:
            parts.stories.setdefault(intent, Counter())[response] += 1


def _response(intent: str, parts: Parts) -> str | None:
    names = [_SAY + intent] if "/" in intent else []
    if intent in parts.rules:
        names.append(parts.rules[intent])
    names.extend(name for name, _ in parts.stories.get(intent, Counter()).most_common(1))
    names.append(_SAY + intent)
    return next((name for name in names if name in parts.responses), None)


def _passed_over(root: Node, notes: Notes) -> None:
    known = {*_SECTIONS, "version", "intents", "actions", "entities", "slots", "forms", "session_config", "config"}
    for key in root.members or {}:
        if key not in known:
            notes.leave(f"section {key}")
