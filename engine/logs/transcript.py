"""Chat transcripts as tables: columns for conversation, speaker, time and text, the rows in any order."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from engine.logs.conversation import LoggedConversation
from engine.logs.gathered import Gathered
from engine.logs.notes import Notes
from engine.logs.raw import Raw
from engine.logs.words import CONVERSATION, SPEAKER, TEXT, TIME, column

_LONGEST_FIELD = 131_072  # characters; the csv module keeps one bound for the whole process, so it is set at every use
_SEPARATORS = (",", "\t", ";", "|")


def separator(header: str) -> str:
    """What parts the columns of a header line."""
    return max(_SEPARATORS, key=header.count)


def header_of(text: str) -> list[str]:
    """The names in the first line that is not blank; none where it is no line of a table."""
    line = next((line for line in text.split("\n") if line.strip()), "")
    try:
        return [cell.strip() for cell in next(csv.reader([line.strip("\r")], delimiter=separator(line)), [])]
    except csv.Error:
        return []


def is_transcript(header: list[str]) -> bool:
    """True where a table has a column for the conversation, one for the speaker and one for the text."""
    return all(column(header, names) for names in (CONVERSATION, SPEAKER, TEXT))


def read_transcript(raw: Raw, notes: Notes) -> Iterator[LoggedConversation]:
    """Conversations of a table, each in the order of its times."""
    csv.field_size_limit(_LONGEST_FIELD)
    gathered = Gathered(notes)
    start, header = 1, list[str]()
    places: list[int] = []
    lines = (text for _, text in raw.lines())
    delimiter = separator(next((line for line in raw.head.split("\n") if line.strip()), ""))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        for record in reader:
            line, start = start, reader.line_num + 1
            if not any(cell.strip() for cell in record):
                continue
            if not header:
                header = [cell.strip() for cell in record]
                places = _places(header, line, notes)
                if not places:
                    return
            elif len(record) != len(header):
                message = f"has {len(record)} fields, the header has {len(header)}; quote texts that hold"
                notes.wrong(line, "", f"{message} a {delimiter!r}")
            else:
                conversation, role, text = (record[place] for place in places[:3])
                time = record[places[3]] if len(places) > 3 else None
                gathered.add(conversation.strip(), role.strip(), text, time, line)
    except csv.Error as error:
        notes.wrong(start, "", f"not valid CSV, from here on unread: {error}; is a quote missing or not doubled?")
    if not header:
        notes.wrong(0, "", "is empty: a header line conversation,speaker,time,text is needed")
    yield from gathered.conversations()


def _places(header: list[str], line: int, notes: Notes) -> list[int]:
    """Where conversation, speaker, text and perhaps time stand; nothing, after a note, where one is missing."""
    found = [column(header, names) for names in (CONVERSATION, SPEAKER, TEXT, TIME)]
    for name, what in zip(("conversation", "speaker", "text"), found, strict=False):
        if what is None:
            there = ", ".join(cell or "(empty)" for cell in header[:12])
            notes.wrong(line, name, f"column is missing; the header has: {there}")
    if None in found[:3]:
        return []
    return [header.index(name) for name in found if name is not None]
