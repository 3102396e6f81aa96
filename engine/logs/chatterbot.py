"""The ChatterBot corpus: categories, and conversations as lists of what is said in turn.

The first two texts of a list are a question and its answer. A list of more than two is a logged conversation as well:
what is said later leans on what came before, and is no answer on its own.
"""

from __future__ import annotations

from engine.dialogue import Speaker, Turn
from engine.knowledge.table import Row
from engine.logs.conversation import LoggedConversation, LoggedTurn
from engine.logs.nodes import Node, read_nodes
from engine.logs.notes import Notes
from engine.logs.raw import Raw
from engine.logs.words import said
from engine.text.normalise import matching


def read_chatterbot(raw: Raw, notes: Notes) -> tuple[list[Row], list[LoggedConversation]]:
    """Rows of a FAQ, and conversations; of several answers to one question the first is taken."""
    rows: list[Row] = []
    logged: list[LoggedConversation] = []
    answers: dict[str, str] = {}
    for root in read_nodes(raw.text(), notes):
        tags = " ".join("-".join(said(node.text).split()) for node in root.listed("categories"))
        lists = root.get("conversations")
        if lists is None or lists.items is None:
            notes.wrong(root.line, "conversations", "is missing, or no list of lists")
            continue
        for node in lists.items:
            texts = _texts(node, notes)
            if len(texts) > 2:
                logged.append(_conversation(f"{raw.path.name}:{node.line}", texts))
            if len(texts) > 1 and _is_first(texts, answers, notes):
                notes.measure(texts[1], node.line, "answer")
                fields = {"question": texts[0], "answer": texts[1], "tags": tags}
                rows.append(Row(notes.file, node.line, fields))
    return rows, logged


def _texts(node: Node, notes: Notes) -> list[str]:
    if node.items is None:
        notes.odd(node.line, "conversations", "left out: no list of two texts or more, though a conversation is one")
        return []
    found: list[str] = []
    for item in node.items:
        if item.text is None:
            notes.odd(item.line, "conversations", "left out: holds what is no text; put it in quotes if it has a colon")
            return []
        found.append(said(item.text))
    if len(found) < 2 or not found[0] or not found[1]:
        notes.leave("conversations without question and answer")
        return []
    return [text for text in found if text]


def _is_first(texts: list[str], answers: dict[str, str], notes: Notes) -> bool:
    """False where the question has another answer already; the corpus means to draw one of them."""
    taken = answers.setdefault(matching(texts[0]), texts[1])
    if taken != texts[1]:
        notes.leave("further answers to one question (the first is taken)")
    return taken == texts[1]


def _conversation(id_: str, texts: list[str]) -> LoggedConversation:
    speakers = (Speaker.CUSTOMER, Speaker.AGENT)
    turns = tuple(LoggedTurn(Turn(speakers[place % 2], text)) for place, text in enumerate(texts))
    return LoggedConversation(id_, turns)
