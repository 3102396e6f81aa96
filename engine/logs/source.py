"""Any file that people learn from, read: its format found or named, entries and conversations out of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from engine.errors import KnowledgeError, Problem
from engine.knowledge.entries import Knowledge
from engine.knowledge.table import Origins, Row, gather
from engine.logs import chatterbot, chatwoot, detect, faq, rasa, transcript, turns, zendesk
from engine.logs.conversation import LoggedConversation
from engine.logs.notes import Notes
from engine.logs.raw import Raw, open_raw

_FAQS = ("faq", "faq-jsonl", "chatterbot", "rasa")


@dataclass(frozen=True, slots=True)
class Source:
    """What one file gave: rows of a FAQ, conversations, and remarks. ``format`` is one of ``detect.FORMATS``, or empty.

    ``labels`` has, for every entry that an agent's turn names, the line where it does so first. ``left_out`` counts
    by reason what the format holds and nobody learns from. A source with ``problems`` cannot be used.
    """

    path: Path
    format: str = ""
    encoding: str = ""
    rows: tuple[Row, ...] = ()
    conversations: tuple[LoggedConversation, ...] = ()
    labels: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def teaches(self) -> bool:
        """True where the format is one that holds answers to questions."""
        return self.format in _FAQS


@dataclass(frozen=True, slots=True)
class Sources:
    """Several files together: each of them, the entries of all, and the rows of their texts.

    ``problems`` are those of the files and those that only show when they are together; with any of them,
    ``knowledge`` may be empty.
    """

    files: tuple[Source, ...]
    knowledge: Knowledge
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    origins: Origins = field(default_factory=Origins)

    @property
    def conversations(self) -> tuple[LoggedConversation, ...]:
        """The conversations of all files."""
        return tuple(conversation for source in self.files for conversation in source.conversations)


def read_source(path: Path, format: str | None = None) -> Source:  # noqa: A002 - the word of the option
    """Read one file; ``format`` is one of ``detect.FORMATS``, found by content where it is None.

    Nothing is raised: what is wrong stands in ``problems``. A project of Rasa in several
    files is read with ``read_sources``.
    """
    return read_sources([path], formats={path: format} if format else {}).files[0]


def read_sources(
    paths: Sequence[Path],
    *,
    formats: Mapping[Path, str] | None = None,
    locales: Sequence[str] = ("en", "zh"),
    known: Knowledge | None = None,
) -> Sources:
    """Read several files that belong together; nothing is raised, what is wrong stands in ``problems``.

    Args:
        paths: Files of any of the formats.
        formats: The format of those files whose content must not decide.
        locales: Languages to choose from for entries that do not name theirs.
        known: Entries that agents' turns may name besides those of the files.
    """
    parts = rasa.Parts()
    notes = {str(path): Notes(str(path)) for path in paths}
    found: list[Source] = []
    for path in paths:
        if any(path == source.path for source in found):
            notes[str(path)].odd(0, "", "is named twice and read once")
        else:
            found.append(_read(path, (formats or {}).get(path), notes[str(path)], parts))
    joined = rasa.join(parts, notes)
    files = tuple(_finished(source, notes[str(source.path)], joined.get(str(source.path), ())) for source in found)
    together = gather([row for source in files for row in source.rows], locales)
    knowledge = together.knowledge
    wrong = [*(problem for source in files if source.teaches for problem in source.problems), *together.problems]
    others = [problem for source in files if not source.teaches for problem in source.problems]
    if wrong or any(not source.format for source in files):
        knowledge = Knowledge(())  # of half a FAQ every second label would seem unknown
    others.extend(_unknown_labels(files, knowledge, known))
    warnings = [warning for source in files for warning in source.warnings]
    return Sources(files, knowledge, (*wrong, *others), (*together.warnings, *warnings), together.origins)


def stream_conversations(
    path: Path,
    notes: Notes,
    format: str | None = None,  # noqa: A002 - the word of the option
) -> Iterator[LoggedConversation]:
    """The conversations of a log, one at a time; problems and what was left out are added to ``notes``.

    Raises:
        KnowledgeError: If the file cannot be read, or too much in it is wrong; see ``notes`` for the rest.
    """
    with open_raw(path) as raw:
        yield from _conversations(raw, format or _format(raw), notes, {})


def _read(path: Path, named: str | None, notes: Notes, parts: rasa.Parts) -> Source:
    source = Source(path, named or "")
    try:
        with open_raw(path) as raw:
            source = Source(path, named or _format(raw), raw.encoding)
            return _filled(source, raw, notes, parts)
    except KnowledgeError as error:
        notes.problems.extend(error.problems)
    return source


def _filled(source: Source, raw: Raw, notes: Notes, parts: rasa.Parts) -> Source:
    match source.format:
        case "faq":
            return replace(source, rows=tuple(faq.read_table(raw, notes)))
        case "faq-jsonl":
            return replace(source, rows=tuple(faq.read_faq(raw, notes)))
        case "chatterbot":
            rows, logged = chatterbot.read_chatterbot(raw, notes)
            return replace(source, rows=tuple(rows), conversations=tuple(logged))
        case "rasa":
            rasa.read_rasa(raw, notes, parts)
            return source
        case _:
            labels: dict[str, int] = {}
            return replace(
                source, conversations=tuple(_conversations(raw, source.format, notes, labels)), labels=labels
            )


def _conversations(raw: Raw, format_: str, notes: Notes, labels: dict[str, int]) -> Iterator[LoggedConversation]:
    match format_:
        case "conversations":
            return turns.read_conversations(raw, notes, labels)
        case "messages":
            return turns.read_messages(raw, notes)
        case "transcript":
            return transcript.read_transcript(raw, notes)
        case "chatwoot":
            return chatwoot.read_chatwoot(raw, notes)
        case "zendesk":
            return zendesk.read_zendesk(raw, notes)
        case "chatterbot":
            return iter(chatterbot.read_chatterbot(raw, notes)[1])
    message = f"is {detect.FORMATS.get(format_, format_)} and holds no conversations"
    raise KnowledgeError([Problem(str(raw.path), 0, "", message)])


def _format(raw: Raw) -> str:
    found = detect.detect(raw.path, raw.head)
    if found is None:
        known = ", ".join(detect.FORMATS)
        message = f"neither content nor name tells what this is; --format NAME says it, with one of {known}"
        raise KnowledgeError([Problem(str(raw.path), 0, "", message)])
    return found


def _finished(source: Source, notes: Notes, joined: Sequence[Row]) -> Source:
    rows = (*source.rows, *joined)
    if not rows and not source.conversations and not notes.problems and source.format not in ("", "faq", "rasa"):
        notes.odd(
            0,
            "",
            f"nothing in it can be used, read as {detect.FORMATS[source.format]}; --format NAME reads it otherwise",
        )
    return replace(
        source,
        rows=rows,
        problems=tuple(notes.problems),
        warnings=tuple(notes.warnings),
        left_out=dict(notes.left_out),
    )


def _unknown_labels(files: Sequence[Source], knowledge: Knowledge, known: Knowledge | None) -> Iterator[Problem]:
    for source in files:
        for entry, line in source.labels.items() if len(knowledge) or known is not None else ():
            if entry not in knowledge and (known is None or entry not in known):
                yield Problem(str(source.path), line, "turns", f"entry {entry!r} is not in the FAQ")
