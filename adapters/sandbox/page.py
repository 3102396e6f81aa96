"""The page of a stand-in: conversations, forms, and what went in both directions. It needs no script."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.sandbox.acts import Act, Field, Talk
from adapters.sandbox.journal import Entry
from bot.cli.page import document, facts, plain, row, span, table

POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
_MOST_ENTRIES = 100
_MOST_LINES = 50
_LONGEST = 10_000
_SHORT = 80


@dataclass(frozen=True, slots=True)
class Contents:
    """What a page shows: facts for the settings of the bot, conversations, forms, bad days in words, what was sent."""

    title: str
    particulars: Mapping[str, str]
    talks: Sequence[Talk]
    acts: Sequence[Act]
    fault_acts: Sequence[Act]
    faults: Sequence[str]
    entries: Sequence[Entry]
    problem: str = ""


def page(contents: Contents) -> str:
    """The whole document; everything that came from outside is escaped."""
    return document(contents.title, _body(contents))


def _body(contents: Contents) -> Iterator[str]:
    yield f"<h1>{plain(contents.title)}</h1>"
    if contents.problem:
        yield f'<p class="note" role="alert">{plain(contents.problem)}</p>'
    yield '<p>A stand-in for tests: nothing here reaches the real service. <a href="/">Look again</a></p>'
    yield from facts((name, f"<code>{plain(value)}</code>") for name, value in contents.particulars.items())
    yield "<h2>Conversations</h2>"
    yield from (part for talk in reversed(contents.talks) for part in _talk(talk))
    if not contents.talks:
        yield '<p class="faint">None yet.</p>'
    yield "<h2>Do something</h2>"
    yield from (part for act in contents.acts for part in _form(act))
    yield "<h2>Bad days</h2>"
    yield from (f"<p>{plain(one)}</p>" for one in contents.faults or ("All is well.",))
    yield from (part for act in contents.fault_acts for part in _form(act))
    yield "<h2>What was sent</h2>"
    newest = list(contents.entries)[-_MOST_ENTRIES:][::-1]
    yield from table("The newest first", ["time", "direction", "what", "body", "answer"], [], map(_entry, newest))


def _talk(talk: Talk) -> Iterator[str]:
    yield f"<h3>{plain(talk.name)}, {plain(talk.state)}</h3>"
    lines = talk.lines[-_MOST_LINES:]
    yield from facts((line.who, _said(line.text, line.note)) for line in lines)


def _said(text: str, note: str) -> str:
    return span(text) + (f' <span class="faint">{plain(note)}</span>' if note else "")


def _form(act: Act) -> Iterator[str]:
    yield f'<form method="post" action="/do/{plain(act.name)}"><fieldset><legend>{plain(act.title)}</legend>'
    yield from (f"<p><label>{plain(field.label)} {_input(field)}</label></p>" for field in act.fields)
    yield f'<button type="submit">{plain(act.title)}</button></fieldset></form>'


def _input(field: Field) -> str:
    if not field.options:
        return f'<input name="{plain(field.name)}" value="{plain(field.default)}" size="40" autocomplete="off">'
    return f'<select name="{plain(field.name)}">{"".join(_options(field))}</select>'


def _options(field: Field) -> Iterable[str]:
    for option in field.options:
        chosen = " selected" if option == field.default else ""
        yield f'<option value="{plain(option)}"{chosen}>{plain(option)}</option>'


def _entry(entry: Entry) -> str:
    time = f"{entry.at:%H:%M:%S}"
    return row([time, plain(entry.way), plain(entry.what), _shown(entry.body), plain(entry.outcome)], [])


def _shown(body: Any) -> str:
    if body is None:
        return ""
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, default=str)
    if len(text) <= _SHORT:
        return span(text)
    whole = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return f"<details><summary>{span(text[:_SHORT])}…</summary>{span(whole)}</details>"
