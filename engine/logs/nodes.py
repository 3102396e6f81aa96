"""YAML as plain nodes that know their lines: texts, lists and mappings, and nothing that YAML could make of them.

A scalar stays the text that was written (``no`` is an answer, not false), no object is ever built, and depth and
aliases are bounded, so that a file of a few bytes cannot unfold into millions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from engine.errors import KnowledgeError, Problem
from engine.logs.notes import Notes

_DEEPEST = 40
_MOST_ALIASES = 100


@dataclass(slots=True)
class Node:
    """A value of a YAML file: ``text`` of a scalar, ``items`` of a list, or ``members`` of a mapping."""

    line: int
    text: str | None = None
    items: list[Node] | None = None
    members: dict[str, Node] | None = None
    _key: str | None = field(default=None, repr=False)

    def get(self, key: str) -> Node | None:
        """What a mapping holds under ``key``; None where it does not, or where this is no mapping."""
        return (self.members or {}).get(key)

    def said(self, key: str) -> str:
        """The text under ``key``, stripped; empty where there is none."""
        found = self.get(key)
        return (found.text or "").strip() if found is not None else ""

    def listed(self, key: str) -> list[Node]:
        """The list under ``key``; empty where there is none."""
        found = self.get(key)
        return (found.items or []) if found is not None else []


def read_nodes(text: str, notes: Notes) -> list[Node]:
    """The documents of a YAML text; reading ends where it is no YAML, and that is noted.

    Raises:
        KnowledgeError: If it is nested or aliased beyond any use.
    """
    import yaml  # type: ignore[import-untyped]  # PyYAML comes without annotations

    try:
        return list(_Reader(notes).documents(yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = f"not YAML: {error.problem or error.context}"
        where = f" (column {mark.column + 1})" if mark else ""
        notes.wrong(mark.line + 1 if mark else 0, "", f"{problem}{where}; texts with a colon or # need quotes")
    except yaml.YAMLError as error:
        notes.wrong(0, "", f"not YAML: {' '.join(str(error).split())}")
    except (UnicodeError, ValueError) as error:
        notes.wrong(0, "", f"not YAML: {error}")
    return []


class _Reader:
    """Builds nodes from the events of a parser, without recursion."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._anchors: dict[str, Node] = {}
        self._aliases = 0

    def documents(self, events: Iterator[Any]) -> Iterator[Node]:
        """The root of every document."""
        stack: list[Node] = []
        for event in events:
            kind = type(event).__name__
            if kind in ("MappingEndEvent", "SequenceEndEvent"):
                node = stack.pop()
            elif kind in ("MappingStartEvent", "SequenceStartEvent"):
                stack.append(self._opened(event, len(stack)))
                continue
            elif kind == "ScalarEvent":
                node = self._anchored(event, Node(event.start_mark.line + 1, text=event.value))
            elif kind == "AliasEvent":
                node = self._alias(event)
            else:
                continue
            if stack:
                self._put(stack[-1], node)
            else:
                yield node

    def _opened(self, event: Any, depth: int) -> Node:
        line = event.start_mark.line + 1
        if depth >= _DEEPEST:
            raise self._refused(line, f"lists and mappings are nested more than {_DEEPEST} deep")
        is_list = type(event).__name__ == "SequenceStartEvent"
        node = Node(line, items=[]) if is_list else Node(line, members={})
        return self._anchored(event, node)

    def _put(self, parent: Node, node: Node) -> None:
        if parent.items is not None:
            parent.items.append(node)
        elif parent.members is not None and parent._key is None:
            parent._key = node.text if node.text is not None else f"(line {node.line})"
        elif parent.members is not None:
            key, parent._key = str(parent._key), None
            if key in parent.members:
                self._notes.wrong(node.line, key, "stands twice in one mapping; the second would hide the first")
            parent.members[key] = node

    def _anchored(self, event: Any, node: Node) -> Node:
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, event: Any) -> Node:
        line = event.start_mark.line + 1
        self._aliases += 1
        if self._aliases > _MOST_ALIASES:
            raise self._refused(line, f"more than {_MOST_ALIASES} aliases (*name); write the texts out")
        found = self._anchors.get(event.anchor)
        if found is None:
            self._notes.wrong(line, "", f"*{event.anchor} stands for nothing: no &{event.anchor} comes before it")
        return found or Node(line, text="")

    def _refused(self, line: int, message: str) -> KnowledgeError:
        return KnowledgeError([Problem(self._notes.file, line, "", message)])
