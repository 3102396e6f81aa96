"""Whatever a log was written in, the same conversations are read, and nothing is guessed in silence."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from log_files import WRITERS, Write

from engine.dialogue import Speaker, Turn
from engine.errors import KnowledgeError
from engine.logs.conversation import LoggedConversation, LoggedTurn
from engine.logs.detect import FORMATS, detect
from engine.logs.notes import Notes
from engine.logs.source import Source, read_source, read_sources, stream_conversations
from engine.logs.summary import summarise
from engine.text.normalise import clean

BEGIN = datetime(2024, 3, 1, 9, tzinfo=UTC)
words = (
    st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=30)
    .map(clean)
    .map(str.strip)
    .filter(lambda text: bool(text) and not text.startswith((">", "--", "##")))
)
others = st.sampled_from([Speaker.CUSTOMER, Speaker.AGENT])


@st.composite
def conversations(draw: st.DrawFn) -> list[LoggedConversation]:
    found = []
    for number in range(draw(st.integers(1, 4))):
        said = [(Speaker.CUSTOMER, draw(words)), *draw(st.lists(st.tuples(others, words), max_size=4))]
        turns = [
            LoggedTurn(Turn(who, text), time=BEGIN + timedelta(minutes=minute))
            for minute, (who, text) in enumerate(said)
        ]
        found.append(LoggedConversation(f"c{number}", tuple(turns)))
    return found


def a_file(folder: Path, content: str | bytes, name: str = "any.file") -> Path:
    path = folder / name
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return path


def of(folder: Path, content: str | bytes, format_: str | None = None, name: str = "any.file") -> Source:
    return read_source(a_file(folder, content, name), format_)


ONE = [
    LoggedConversation(
        "c1",
        (
            LoggedTurn(Turn(Speaker.CUSTOMER, "Where is my parcel?"), time=BEGIN),
            LoggedTurn(Turn(Speaker.AGENT, "On its way."), time=BEGIN + timedelta(minutes=2)),
        ),
    )
]
FAQS = {
    "faq": "question,answer\nwhen?,At nine.\n",
    "faq-jsonl": '{"question": "when?", "answer": "At nine."}\n',
    "chatterbot": "categories:\n- hours\nconversations:\n- - when?\n  - At nine.\n",
    "rasa": "nlu:\n- intent: hours\n  examples: |\n    - when?\nresponses:\n  utter_hours:\n  - text: At nine.\n",
}


@pytest.mark.parametrize(("format_", "write"), WRITERS.values(), ids=WRITERS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(written=conversations())
def test_written_conversations_are_read_back_to_the_same(
    format_: str, write: Write, written: list[LoggedConversation], tmp_path_factory: pytest.TempPathFactory
) -> None:
    source = of(tmp_path_factory.getbasetemp(), write(written))
    assert source.problems == ()
    assert source.format == format_
    assert sorted(source.conversations, key=lambda each: each.id) == written


@pytest.mark.parametrize("packing", [gzip.compress, lambda data: data.decode().encode("utf-16")], ids=["gz", "UTF-16"])
@pytest.mark.parametrize(("format_", "write"), WRITERS.values(), ids=WRITERS)
def test_every_log_may_be_packed_or_utf_16(tmp_path: Path, format_: str, write: Write, packing: object) -> None:
    assert callable(packing)
    source = of(tmp_path, packing(write(ONE).encode("utf-8")))
    assert (source.problems, source.format, list(source.conversations)) == ((), format_, ONE)


@pytest.mark.parametrize("format_", FAQS)
@pytest.mark.parametrize(
    "packing",
    [bytes, gzip.compress, lambda data: data.decode().encode("utf-16"), lambda data: b"\xef\xbb\xbf" + data],
    ids=["plain", "gz", "UTF-16", "mark"],
)
def test_every_faq_gives_its_entry_whatever_it_is_called(tmp_path: Path, format_: str, packing: object) -> None:
    assert callable(packing)
    read = read_sources([a_file(tmp_path, packing(FAQS[format_].encode()))])
    assert read.problems == ()
    assert read.files[0].format == format_
    assert [(entry.questions, entry.answer) for entry in read.knowledge] == [(("when?",), "At nine.")]


def test_every_format_has_a_file_that_is_found_to_be_of_it() -> None:
    assert {format_ for format_, _ in WRITERS.values()} | set(FAQS) == set(FORMATS)


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.yml", "x"])
@pytest.mark.parametrize(("format_", "write"), WRITERS.values(), ids=WRITERS)
def test_the_content_decides_and_not_the_name(name: str, format_: str, write: Write) -> None:
    assert detect(Path(name), write(ONE)) == format_


@pytest.mark.parametrize(
    ("name", "format_"),
    [("x.csv", "faq"), ("x.tsv.gz", "faq"), ("X.JSONL", "conversations"), ("x.txt", None), ("x.yaml", None)],
)
def test_where_the_content_says_nothing_the_name_does(name: str, format_: str | None) -> None:
    assert detect(Path(name), "nonsense") == format_


def test_a_file_that_nobody_understands_says_what_can_be_read(tmp_path: Path) -> None:
    [problem] = of(tmp_path, "Dear Anna,\nsee you.\n").problems
    assert "--format NAME" in problem.message
    assert all(name in problem.message for name in FORMATS)


def test_a_named_format_is_read_as_such_and_its_problems_say_so(tmp_path: Path) -> None:
    source = of(tmp_path, FAQS["faq"], "transcript")
    assert source.format == "transcript"
    assert [problem.column for problem in source.problems] == ["conversation", "speaker", "text"]


def test_a_file_of_which_nothing_can_be_used_says_how_it_was_read(tmp_path: Path) -> None:
    source = of(tmp_path, '{"messages": [], "inbox_id": 1, "id": 5}\n')
    assert source.format == "chatwoot"
    assert "read as conversations of Chatwoot" in source.warnings[0].message


def test_several_sources_make_one_knowledge(tmp_path: Path) -> None:
    table = a_file(tmp_path, "id,question,answer\nhours,when?,At nine.\n", "faq.csv")
    more = {"questions": ["what time?", "hours"], "answer": "At nine.", "id": "hours", "tags": ["visit"]}
    lines = a_file(tmp_path, json.dumps(more) + "\n", "faq.json")
    read = read_sources([table, lines, table])
    assert [(entry.id, entry.questions, entry.tags) for entry in read.knowledge] == [
        ("hours", ("when?", "what time?", "hours"), ("visit",))
    ]
    assert [warning.message for warning in read.warnings] == ["is named twice and read once"]


def test_a_contradiction_between_sources_names_both(tmp_path: Path) -> None:
    table = a_file(tmp_path, "id,question,answer\nhours,when?,At nine.\n", "faq.csv")
    lines = a_file(tmp_path, '{"id": "hours", "question": "when?", "answer": "At ten."}\n', "faq.json")
    [problem] = read_sources([table, lines]).problems
    assert Path(problem.file).name == "faq.json"
    assert "has another answer in line 2 of" in problem.message


def test_a_label_that_is_no_entry_is_named_once_with_its_first_line(tmp_path: Path) -> None:
    line = '{"turns": [{"role": "user", "text": "a"}, {"role": "bot", "text": "b", "entry": "gone"}]}\n'
    sources = [a_file(tmp_path, FAQS["faq"], "faq.csv"), a_file(tmp_path, "\n" + line * 3, "log.jsonl")]
    [problem] = read_sources(sources).problems
    assert (problem.line, problem.message) == (2, "entry 'gone' is not in the FAQ")


def test_a_long_answer_is_kept_and_said_once(tmp_path: Path) -> None:
    long = "x" * 5000
    source = of(tmp_path, f"question,answer\nwhy?,{long}\nhow?,{long}\n")
    assert [row.get("answer") for row in source.rows] == [long, long]
    [warning] = source.warnings
    assert (warning.line, warning.column) == (2, "answer")
    assert "has 5,000 characters; it is kept" in warning.message
    log = of(tmp_path, '{"turns": [{"role": "user", "text": "a"}, {"role": "agent", "text": "' + long + '"}]}')
    assert log.conversations[0].turns[1].turn.text == long
    assert len(log.warnings) == 1


def test_a_log_can_be_read_one_conversation_at_a_time(tmp_path: Path) -> None:
    path = a_file(tmp_path, WRITERS["zendesk"][1](ONE * 2))
    notes = Notes(str(path))
    assert next(stream_conversations(path, notes)) == ONE[0]
    assert notes.left_out == {"private comments": 1}
    with pytest.raises(KnowledgeError, match="holds no conversations"):
        list(stream_conversations(a_file(tmp_path, FAQS["faq"]), notes))


@given(
    st.binary(max_size=120)
    | st.text('{}[]":,- \n|&*#abc1turnsqaé', max_size=80).map(str.encode)
    | st.sampled_from([write(ONE).encode() for _, write in WRITERS.values()] + [faq.encode() for faq in FAQS.values()])
    .flatmap(lambda data: st.tuples(st.just(data), st.integers(0, len(data)), st.binary(max_size=3)))
    .map(lambda cut: cut[0][: cut[1]] + cut[2] + cut[0][cut[1] :][3:]),
    st.sampled_from([None, *FORMATS]),
)
@settings(max_examples=400)
def test_hostile_bytes_are_read_or_refused_with_problems(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, format_: str | None
) -> None:
    read = of(tmp_path_factory.getbasetemp(), data, format_)
    assert all(problem.file.endswith("any.file") and problem.message for problem in read.problems)
    assert summarise(read, ("en", "zh")).turns >= len(read.conversations) - sum(
        not conversation.turns for conversation in read.conversations
    )
