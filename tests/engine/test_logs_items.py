"""The objects of a JSON file: lines, lists, envelopes, and everything in pieces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import KnowledgeError
from engine.logs import items as module
from engine.logs import raw as reading
from engine.logs.items import items
from engine.logs.notes import MOST_PROBLEMS, Notes
from engine.logs.raw import open_raw

ONE, TWO = {"turns": [1], "x": 'a "{[\\'}, {"turns": [], "y": {"z": [[]]}}


def read(path: Path, text: str) -> tuple[list[tuple[int, Any]], Notes]:
    path.write_text(text, "utf-8", newline="")
    notes = Notes(str(path))
    with open_raw(path) as raw:
        return list(items(raw, notes)), notes


SHAPES = {
    "a line each": lambda one, two: f"{json.dumps(one)}\n\n{json.dumps(two)}\r\n",
    "a list": lambda one, two: json.dumps([one, two]),
    "a list over lines": lambda one, two: json.dumps([one, two], indent=2),
    "a list, a line each": lambda one, two: f"[{json.dumps(one)},\n{json.dumps(two)}]",
    "an envelope": lambda one, two: json.dumps({"count": 2, "next": None, "tickets": [one, two], "end": [[1]]}),
    "an envelope over lines": lambda one, two: json.dumps({"a": {"b": []}, "results": [one, two]}, indent=1),
    "an envelope, a line each": lambda one, two: f'{{"tickets":[\n{json.dumps(one)},\n{json.dumps(two)}\n]}}',
    "an envelope in an envelope": lambda one, two: json.dumps({"data": {"meta": {"n": 2}, "payload": [one, two]}}),
    "envelopes, a line each": lambda one, two: f"{json.dumps({'payload': [one]})}\n{json.dumps({'payload': [two]})}",
    "objects over lines": lambda one, two: f"{json.dumps(one, indent=2)}\n{json.dumps(two, indent=2)}\n",
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("piece", [7, 1 << 20])
def test_objects_are_found_in_every_shape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: Any, piece: int
) -> None:
    if piece == 7:
        monkeypatch.setattr(reading, "_PIECE", 64)
    found, notes = read(tmp_path / "x.json", shape(ONE, TWO))
    assert [item for _, item in found] == [ONE, TWO]
    assert notes.problems == []


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.lists(st.fixed_dictionaries({"turns": values}), min_size=1, max_size=4), st.sampled_from([0, 2]), st.booleans()
)
def test_a_written_list_is_read_back_with_the_lines_of_its_objects(
    tmp_path_factory: pytest.TempPathFactory, written: list[dict[str, Any]], indent: int, ascii_only: bool
) -> None:
    text = json.dumps(written, indent=indent or None, ensure_ascii=ascii_only)
    found, notes = read(tmp_path_factory.getbasetemp() / "list.json", text)
    assert [item for _, item in found] == written
    assert notes.problems == []
    lines = text.split("\n")
    assert all(lines[line - 1].lstrip().startswith(("{", "[{")) for line, _ in found)


def test_a_broken_line_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    found, notes = read(tmp_path / "x.jsonl", '{"turns": 1}\n{"turns"\nnonsense\n{"turns": 2}\n')
    assert [line for line, _ in found] == [1, 4]
    assert [problem.line for problem in notes.problems] == [2, 3]
    assert all(problem.message.startswith("not JSON: ") for problem in notes.problems)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('[\n{"turns": 1},\n{"turns": ', 3, "never closed"),
        ('[\n{"turns": 1},\n', 3, "never closed"),
        ('{"tickets": [\n{"turns": 1}\n', 3, "never closed"),
        ('[{"turns": 1},\nnonsense]', 2, "not JSON"),
        ("[" * 5000, 1, "nested too deeply"),
        ('[{"turns": ' + "9" * 5000 + "}]", 1, "too long"),
    ],
)
def test_a_broken_document_is_named_at_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    _, notes = read(tmp_path / "x.json", text)
    assert notes.problems[0].line == line
    assert words in notes.problems[0].message
    assert len(notes.problems) <= 2


def test_brackets_without_end_in_a_line_are_a_problem_and_no_crash(tmp_path: Path) -> None:
    found, notes = read(tmp_path / "x.jsonl", '{"turns": 1}\n' + "[" * 100_000 + "\n" + '{"turns": 2}\n')
    assert len(found) == 2
    assert notes.problems[0].line == 2


def test_only_so_many_problems_are_shown_and_then_reading_ends(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"turns": 1}\n' + "nonsense\n" * 1000, "utf-8")
    notes = Notes(str(path))
    with open_raw(path) as raw, pytest.raises(KnowledgeError, match="and more; only the first 200"):
        list(items(raw, notes))
    assert len(notes.problems) == MOST_PROBLEMS


def test_an_object_without_end_is_refused_before_memory_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_PIECE", 64)
    monkeypatch.setattr(module, "_LONGEST", 200)
    _, notes = read(tmp_path / "x.json", '[{"turns": "' + "x" * 2000)
    assert "longer than 200 characters" in notes.problems[0].message


@given(st.text('{}[]",:\\1a\n tickets', max_size=40))
def test_any_text_ends_with_objects_or_problems(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    found, notes = read(tmp_path_factory.getbasetemp() / "any.json", text)
    assert found or notes.problems or not text.strip() or text.strip()[0] in "[{"
