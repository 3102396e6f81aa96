"""Topics as a CSV table that a person edits and the FAQ then takes in."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Collection, Iterable
from itertools import chain, count

from engine.mining.clean import cell
from engine.mining.topics import Topic

COLUMNS = (
    "question", "answer", "id", "intent", "locale", "tags", "conversations", "share", "covered_by", "status",
)  # fmt: skip
_SLUG = re.compile(r"[^a-z0-9]+")
_WORD = re.compile(r"[a-z]{3}")
_LONGEST_NAME = 40


def write_topics(topics: Iterable[Topic], taken: Collection[str] = ()) -> str:
    """Topics as a table: one row a phrasing, under one id; all that belongs to the topic stands in its first row.

    Where nobody answered the answer is empty; reading the table then says so until somebody writes one.

    Args:
        topics: The topics, in their order.
        taken: Ids of entries that there are already: a topic with one of them would replace that entry.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    names = set(taken)
    for topic in topics:
        name = _name(topic, names)
        names.add(name)
        writer.writerow(_first_row(topic, name))
        rest = [""] * (len(COLUMNS) - 3)
        writer.writerows((cell(phrasing), "", name, *rest) for phrasing in topic.phrasings)
    return out.getvalue()


def _first_row(topic: Topic, name: str) -> tuple[str, ...]:
    cover = topic.cover
    covered_by = f"{cover.entry} ({cover.confidence:.0%})" if cover.entry else ""
    return (
        cell(topic.question),
        cell(topic.answer),
        name,
        "",
        topic.locale,
        "",
        str(topic.conversations),
        f"{topic.share:.2f}" if topic.answers else "",
        covered_by,
        cover.status.value,
    )


def _name(topic: Topic, taken: Collection[str]) -> str:
    """A readable id that is free and the same at every mining of the same log."""
    slug = _SLUG.sub("-", topic.question.casefold()).strip("-")[:_LONGEST_NAME].strip("-")
    readable = bool(_WORD.search(slug))  # what is left of a Chinese question is a few numbers
    digest = hashlib.sha256(topic.question.encode("utf-8", "replace")).hexdigest()
    names = [slug] if readable else []
    names += [f"{slug if readable else 'topic'}-{digest[:size]}" for size in range(8, len(digest) + 1)]
    numbered = (f"topic-{number}" for number in count(1))  # the same question in several topics, again and again
    return next(name for name in chain(names, numbered) if name not in taken)
