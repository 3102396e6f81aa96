"""What each format holds beside plain turns: notes, quotes, roles, annotations; and what is wrong in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dialogue import Speaker
from engine.knowledge.entries import Entry, Knowledge
from engine.logs.mail import from_html, own_words
from engine.logs.source import Source, Sources, read_source, read_sources
from engine.logs.words import moment

CUSTOMER, AGENT = Speaker.CUSTOMER, Speaker.AGENT


def of(folder: Path, text: str, format_: str | None = None) -> Source:
    path = folder / "any.file"
    path.write_text(text, "utf-8", newline="")
    return read_source(path, format_)


def lines(*items: object) -> str:
    return "".join(f"{json.dumps(item)}\n" for item in items)


def said(source: Source) -> list[list[tuple[Speaker, str]]]:
    return [[(turn.turn.speaker, turn.turn.text) for turn in each.turns] for each in source.conversations]


def wrong(source: Source) -> list[tuple[int, str]]:
    return [(problem.line, problem.column) for problem in source.problems]


# conversations and messages


def test_messages_of_role_and_content_are_a_conversation_too(tmp_path: Path) -> None:
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}]
    source = of(tmp_path, lines({"id": 7, "messages": [*messages, {"role": "assistant", "content": "Hello"}]}))
    assert (source.format, said(source)) == ("conversations", [[(CUSTOMER, "Hi"), (AGENT, "Hello")]])
    assert source.conversations[0].id == "7"
    assert source.left_out == {"notes of the system between the turns": 1}


def test_a_conversation_without_the_customer_is_kept_and_said(tmp_path: Path) -> None:
    source = of(tmp_path, lines({"turns": [{"role": "agent", "text": "Anybody?"}]}))
    assert len(source.conversations) == 1
    assert "no turn is of the customer" in source.warnings[0].message


def test_messages_without_what_is_needed_are_named_by_line(tmp_path: Path) -> None:
    good = {"session": 1, "speaker": "visitor", "msg": "Hi"}
    source = of(tmp_path, lines(good, {"session": 1, "msg": "Hi"}, 5, {**good, "session": ""}, {**good, "msg": None}))
    assert wrong(source) == [(2, ""), (3, ""), (4, "conversation")]
    assert source.left_out == {"messages without text (attachments and the like)": 1}


def test_an_unknown_role_is_named_once_however_often_it_stands(tmp_path: Path) -> None:
    rows = "".join(f"{number},Anna,hello\n" for number in range(500))
    source = of(tmp_path, f"chat,speaker,text\n{rows}1,Bob,hi\n")
    assert wrong(source) == [(2, "role"), (502, "role")]
    assert "role 'Anna' is none of agent, bot, customer, user" in source.problems[0].message


# transcripts


def test_rows_are_put_in_order_by_time_within_their_conversation(tmp_path: Path) -> None:
    source = of(
        tmp_path,
        "Time;Chat ID;Sender;Text\n"
        "2024-03-01 10:02;a;agent;Second\n2024-03-01T09:00Z;b;用户;你好\n2024-03-01 10:01;a;Customer;First\n",
    )
    assert said(source) == [[(CUSTOMER, "First"), (AGENT, "Second")], [(CUSTOMER, "你好")]]


def test_times_that_nobody_understands_leave_the_order_and_are_said_once(tmp_path: Path) -> None:
    source = of(tmp_path, "time,chat,who,text\nlater,a,user,One\nnow,a,agent,Two\n")
    assert said(source) == [[(CUSTOMER, "One"), (AGENT, "Two")]]
    [warning] = source.warnings
    assert (warning.line, warning.column) == (2, "time")
    assert "Use ISO 8601" in warning.message


def test_ragged_rows_and_open_quotes_are_named_by_line(tmp_path: Path) -> None:
    source = of(tmp_path, 'chat,who,text\na,user,"two\nlines"\n\na,user\na,user,"never\nclosed\n')
    assert wrong(source) == [(5, ""), (6, "")]
    assert "has 2 fields, the header has 3" in source.problems[0].message
    assert "is a quote missing" in source.problems[1].message


def test_conversations_without_the_customer_are_left_out_and_counted(tmp_path: Path) -> None:
    source = of(tmp_path, "chat,who,text\na,agent,Anybody?\nb,user,Yes\n")
    assert said(source) == [[(CUSTOMER, "Yes")]]
    assert source.left_out == {"conversations without a turn of the customer": 1}


@pytest.mark.parametrize(
    "value",
    [
        *("2024-03-01T09:00:00Z", "2024-03-01 10:00+01:00", "2024-03-01 09:00:00 UTC", "2024/03/01 09:00"),
        *("01.03.2024 09:00", 1709283600, 1709283600000, 1709283600.0, "1709283600", "1709283600000"),
    ],
)
def test_a_time_is_understood_in_many_forms(value: object) -> None:
    assert moment(value) == datetime(2024, 3, 1, 9, tzinfo=UTC)


@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.lists(st.integers()))
def test_any_time_is_understood_or_none(value: object) -> None:
    assert (found := moment(value)) is None or found.tzinfo is UTC


# Chatwoot


def a_message(content: str | None, kind: object, **more: object) -> dict[str, Any]:
    return {"content": content, "message_type": kind, "private": False, **more}


def test_notes_activities_templates_and_attachments_of_chatwoot_are_left_out(tmp_path: Path) -> None:
    messages = [
        a_message("Hi", 0),
        a_message("a note", "outgoing", private=True),
        a_message(None, 0),
        a_message("was opened", 2),
        a_message("We are back at nine.", "template"),
        a_message("Hello", "outgoing", sender={"type": "agent_bot"}),
    ]
    source = of(tmp_path, json.dumps({"id": 3, "messages": messages}, indent=2))
    assert said(source) == [[(CUSTOMER, "Hi"), (AGENT, "Hello")]]
    assert sum(source.left_out.values()) == 4
    assert source.left_out["private notes"] == 1


def test_single_messages_and_events_of_chatwoot_are_put_together(tmp_path: Path) -> None:
    events = [
        {"event": "message_created", "conversation": {"id": 4}, **a_message("Hello", "outgoing", created_at=20)},
        {"event": "message_created", "conversation": {"id": 4}, **a_message("Hi", "incoming", created_at=10)},
        {"event": "message_updated", "conversation": {"id": 4}, **a_message("Hi!", "incoming", created_at=10)},
        {"event": "conversation_resolved", "id": 4},
    ]
    source = of(tmp_path, lines(*events))
    assert said(source) == [[(CUSTOMER, "Hi"), (AGENT, "Hello")]]
    listing = {"meta": {}, "payload": [a_message("Hi", 0, conversation_id=9), a_message("Yes?", 1, conversation_id=9)]}
    assert said(of(tmp_path, json.dumps(listing))) == [[(CUSTOMER, "Hi"), (AGENT, "Yes?")]]


def test_what_is_no_message_of_chatwoot_is_named(tmp_path: Path) -> None:
    source = of(tmp_path, lines({"id": 1, "messages": [a_message("Hi", 0), a_message("x", 9), 5]}, {"id": 2}, 7))
    assert wrong(source) == [(1, "message_type"), (1, "message_type"), (2, "messages"), (3, "")]


# Zendesk and e-mail


def test_private_comments_quotes_and_signatures_of_zendesk_are_left_out(tmp_path: Path) -> None:
    comments = [
        {
            "author_id": 1,
            "html_body": "<p>Where is it?</p><blockquote>old</blockquote>",
            "created_at": "2024-01-01T10:00Z",
        },
        {"author_id": 2, "body": "Ask the post.", "public": False},
        {"author_id": 2, "plain_body": "It is late.\n\nOn Mon, 1 Jan 2024, Anna wrote:\n> Where", "public": True},
        {"author_id": 1, "body": "> It is late."},
        {"author_id": 1, "body": "Thanks\n-- \nAnna\nStreet 1"},
    ]
    source = of(tmp_path, lines({"ticket": {"id": 5, "requester_id": 1, "comments": comments}}))
    assert said(source) == [[(CUSTOMER, "Where is it?"), (AGENT, "It is late."), (CUSTOMER, "Thanks")]]
    assert source.left_out == {"private comments": 1, "comments of nothing but a quotation": 1}


def test_a_ticket_in_which_nobody_can_be_told_apart_is_a_problem(tmp_path: Path) -> None:
    with_role = {"author": {"id": 1, "role": "end-user"}, "body": "Hi"}
    source = of(
        tmp_path,
        lines(
            {"comments": [{"author_id": 1, "body": "Hi"}]},
            {"comments": [with_role]},
            {"comments": "x"},
            {"comments": []},
        ),
        "zendesk",
    )
    assert wrong(source) == [(1, "requester_id"), (3, "comments")]
    assert said(source) == [[(CUSTOMER, "Hi")]]
    assert sum(source.left_out.values()) == 1


@pytest.mark.parametrize(
    ("mail", "own"),
    [
        ("Yes.\n\nAm 1.2.2024 um 9:00 schrieb Anna <a@b.de>:\n> Geht es?", "Yes."),
        ("Yes.\n-----Original Message-----\nFrom: Anna\nhm", "Yes."),
        ("Yes.\n\nFrom: Anna\nSent: Monday\nTo: Bob\nSubject: x\n\nold", "Yes."),
        ("好的\n\n发件人：安娜\n发送时间：周一\n旧", "好的"),
        ("Yes.\nOn Mon, Jan 1, 2024 at 9:00 Anna Longname <anna@example.org>\nwrote:\n\nold", "Yes."),
        ("Yes.\n\nSent from my iPhone", "Yes."),
        ("On Monday Anna wrote:\n> One?\nYes, one.\n> Two?\nNo.", "Yes, one.\nNo."),
        ("From: now on I want this\nsent elsewhere", "From: now on I want this\nsent elsewhere"),
        ("The code is a -- b\n--\n", "The code is a -- b"),
        ("-- \nAnna", "-- \nAnna"),
        ("I wrote:\nhello", "I wrote:\nhello"),
        ("> only a quote", ""),
    ],
)
def test_of_an_e_mail_only_what_is_marked_as_foreign_is_cut(mail: str, own: str) -> None:
    assert own_words(mail) == own


@given(st.text("a>-\n \tOnwrote:Fmsd,", max_size=80))
def test_cutting_an_e_mail_invents_nothing_and_ends(mail: str) -> None:
    before = {line.strip() for line in mail.split("\n")}
    assert {line.strip() for line in own_words(mail).split("\n")} <= before | {""}


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One &amp;\n two</p><p>Three<br>four</p>", "One & two\n\nThree\nfour"),
        ('Hi<div class="gmail_quote">old<div>older</div></div> you', "Hi\nyou"),
        ("<style>p{}</style>Hi<script>x()</script>", "Hi"),
        ("5 < 6 & 7 > 3", "5 < 6 & 7 > 3"),
        ("Hi<!-- hidden", "Hi"),
        ("<a " * 50_000, ("<a " * 50_000).strip()),
    ],
    ids=range(6),
)
def test_html_becomes_text(html: str, text: str) -> None:
    assert from_html(html) == text


@given(st.text("<>!/[]&#;-ab \n?", max_size=40))
def test_any_html_becomes_some_text(html: str) -> None:
    assert isinstance(from_html(html), str)


# ChatterBot


CORPUS = """
categories:
- small talk
conversations:
- - Good morning
  - Hello.
- - Hi there
  - Hello.
- - Hi there
  - Hey!
- - Is it open?
  - no
  - Why?
  - 12
"""


def test_lists_of_chatterbot_are_questions_with_answers_and_longer_ones_conversations(tmp_path: Path) -> None:
    path = tmp_path / "corpus.yml"
    path.write_text(CORPUS, "utf-8")
    read = read_sources([path])
    assert [(entry.questions, entry.answer, entry.tags) for entry in read.knowledge] == [
        (("Good morning", "Hi there"), "Hello.", ("small-talk",)),
        (("Is it open?",), "no", ("small-talk",)),
    ]
    assert said(read.files[0]) == [[(CUSTOMER, "Is it open?"), (AGENT, "no"), (CUSTOMER, "Why?"), (AGENT, "12")]]
    assert read.files[0].left_out == {"further answers to one question (the first is taken)": 1}


def test_what_is_no_conversation_of_chatterbot_is_left_out_and_said(tmp_path: Path) -> None:
    source = of(tmp_path, "conversations:\n- alone\n- - what: is this\n  - x\n- - only one\n- - a\n  - b\n")
    assert [row.get("question") for row in source.rows] == ["a"]
    assert [warning.line for warning in source.warnings] == [2, 3]
    assert source.left_out == {"conversations without question and answer": 1}
    assert wrong(of(tmp_path, "conversations:\n  x: y\n")) == [(1, "conversations")]


# YAML in general


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("conversations:\n- - a: b: c\n", 2, "not YAML"),
        ("conversations:\n- [a, b\n", 3, "not YAML"),
        ("conversations:\n- *gone\n", 2, "*gone"),
        ("conversations:\n" + "- " * 60 + "a\n", 2, "nested more than 40 deep"),
        ("conversations:\n- " + "[" * 100_000, 2, "nested more than 40 deep"),
        ("conversations:\nconversations:\n- - a\n  - b\n", 3, "stands twice"),
        ("conversations:\n- &a [x, y]\n" + "- *a\n" * 101, 103, "more than 100 aliases"),
    ],
)
def test_broken_or_hostile_yaml_is_refused_with_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    [problem, *_] = of(tmp_path, text).problems
    assert problem.line == line
    assert words in problem.message


def test_no_object_is_ever_built_of_yaml(tmp_path: Path) -> None:
    source = of(
        tmp_path, 'conversations:\n- - !!python/object/apply:os.system ["x"]\n  - b\n- - !!binary aGk=\n  - c\n'
    )
    assert [row.get("question") for row in source.rows] == ["aGk="]


# Rasa

NLU = """
version: "3.1"
nlu:
- intent: faq/hours
  examples: |
    - when do you open on [Monday](day)
    - opening hours in [Berlin]{"entity": "city", "value": "B"}
- intent: chitchat/name
  examples:
  - text: |
      what is your name
- intent: refund
  examples: |
    - money back
- intent: return
  examples: |
    - send it back
- intent: greet
  examples: |
    - hi
- intent: lost
  examples: |
    - nobody answers this
- synonym: Berlin
  examples: |
    - B
"""
DOMAIN = """
version: "3.1"
intents: [faq, refund]
responses:
  utter_faq/hours:
  - text: From nine.
  utter_chitchat/name:
  - text: I am Fern.
    channel: slack
  - text: Fern.
  - text: They call me Fern.
  utter_money:
  - text: Within 14 days.
  utter_greet:
  - text: Hello!
  utter_picture:
  - image: x.png
  utter_unasked:
  - text: Nobody asks.
"""
RULES = """
rules:
- rule: money
  steps:
  - intent: refund
  - action: utter_money
stories:
- story: both
  steps:
  - or:
    - intent: return
    - intent: refund
  - action: action_look
  - action: utter_money
"""


def rasa(folder: Path, *texts: str) -> Sources:
    paths = [folder / f"{number}.yml" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text, "utf-8")
    return read_sources(paths)


def entries(found: Knowledge) -> dict[str, tuple[str, Sequence[str]]]:
    return {entry.id: (entry.answer, entry.questions) for entry in found}


def test_files_of_a_rasa_project_are_joined_into_entries(tmp_path: Path) -> None:
    read = rasa(tmp_path, RULES, NLU, DOMAIN)
    assert read.problems == ()
    assert [source.format for source in read.files] == ["rasa"] * 3
    assert entries(read.knowledge) == {
        "faq/hours": ("From nine.", ("when do you open on Monday", "opening hours in Berlin")),
        "chitchat/name": ("Fern.", ("what is your name",)),
        "refund": ("Within 14 days.", ("money back", "send it back")),
        "greet": ("Hello!", ("hi",)),
    }
    assert read.knowledge["chitchat/name"].tags == ("smalltalk",)
    assert read.files[1].left_out == {
        "examples of intent lost, which no response answers": 1,
        "nlu of the kind synonym": 1,
    }
    assert read.files[2].left_out == {
        "further variants of a response (the first is taken)": 2,
        "responses without text (buttons, images or custom ones)": 1,
        "responses to which no intent leads": 1,
    }


def test_examples_know_their_lines(tmp_path: Path) -> None:
    read = rasa(tmp_path, NLU + DOMAIN.replace('version: "3.1"', ""))
    row = next(row for row in read.files[0].rows if row.get("question") == "hi")
    assert NLU.split("\n")[row.line - 1].strip() == "- hi"


def test_what_is_wrong_in_files_of_rasa_is_named(tmp_path: Path) -> None:
    read = rasa(
        tmp_path,
        "nlu:\n- intent: a\n- examples: |\n    - x\n",
        "responses:\n  say_a:\n  - text: x\n  utter_a:\n  - text: One.\n",
        "responses:\n  utter_a:\n  - text: Two.\nrules:\n- rule: x\n",
    )
    assert [(Path(problem.file).name, problem.line, problem.column) for problem in read.problems] == [
        ("0.yml", 2, "examples"),
        ("0.yml", 3, "nlu"),
        ("1.yml", 3, "say_a"),
        ("2.yml", 3, "utter_a"),
        ("2.yml", 5, "steps"),
    ]


plain = st.text("abc é中?!'\"#:-", min_size=1, max_size=12).map(lambda text: f"q {text} q")
names = st.lists(st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8})?", fullmatch=True), min_size=1, max_size=4, unique=True)


@given(st.data())
def test_written_intents_and_responses_are_read_back(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    found = data.draw(names)
    asked = {name: data.draw(st.lists(plain, min_size=1, max_size=3, unique=True)) for name in found}
    nlu = "".join(f"- intent: {name}\n  examples: |\n" + "".join(f"    - {q}\n" for q in asked[name]) for name in found)
    says = "".join(f"  utter_{name}:\n  - text: {json.dumps(f'answer {name}')}\n" for name in found)
    read = rasa(tmp_path_factory.getbasetemp(), f"nlu:\n{nlu}", f"responses:\n{says}")
    assert read.problems == ()
    assert {name: answer for name, (answer, _) in entries(read.knowledge).items()} == {
        name: f"answer {name}" for name in found
    }
    assert {row.get("question") for row in read.files[0].rows} == {q for some in asked.values() for q in some}


# FAQ as JSON

entry = st.builds(
    Entry,
    st.text("abc-", min_size=1, max_size=5).map(lambda text: f"x{text}"),
    st.text('abc "\\\n中', max_size=10).map(lambda text: f"a{text}z"),
    st.lists(st.text("abc 中", max_size=8).map(lambda text: f"q{text}?"), min_size=1, max_size=3, unique=True).map(
        tuple
    ),
    st.just("intent"),
    st.sampled_from(["en", "zh"]),
    st.lists(st.sampled_from(["a", "b-c"]), max_size=2, unique=True).map(tuple),
)


@given(st.lists(entry, min_size=1, max_size=4, unique_by=lambda entry: entry.id), st.booleans())
def test_entries_written_as_json_are_read_back_to_the_same(
    tmp_path_factory: pytest.TempPathFactory, written: list[Entry], together: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "faq.json"
    one_by_one = lines(*(each.to_json() for each in written))
    path.write_text(json.dumps(Knowledge(tuple(written)).to_json()) if together else one_by_one, "utf-8")
    read = read_sources([path])
    assert read.problems == ()
    assert [(each.id, each.answer, each.intent, each.tags) for each in read.knowledge] == [
        (each.id, each.answer, each.intent, each.tags) for each in written
    ]


def test_objects_without_question_or_with_strange_answers_are_named(tmp_path: Path) -> None:
    source = of(tmp_path, lines({"question": "a", "answer": "b"}, {"answer": "b"}, {"question": "x", "answer": 5}, [1]))
    assert wrong(source) == [(2, "question"), (3, "answer"), (4, "")]
