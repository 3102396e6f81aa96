"""JSON from outside is read within bounds; secrets are compared as they are; problems say no more than they should."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import pytest
from desk_bodies import JSON
from hypothesis import given
from hypothesis import strategies as st

from adapters.shared.bounded import DEEPEST, Unreadable, parse
from adapters.shared.compare import same
from adapters.shared.problems import Problem, Wrong, later


@given(JSON)
def test_what_json_says_is_read(value: Any) -> None:
    assert parse(json.dumps(value).encode()) == value


@given(st.binary(max_size=200) | st.text('[]{}",:\\0123456789eE.-+ntf ', max_size=60).map(str.encode))
def test_bytes_are_json_or_refused(body: bytes) -> None:
    try:
        found = parse(body)
    except Unreadable:
        return
    assert found == json.loads(body)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"NaN", b"[Infinity]", b"-Infinity", b"[1e999]", b'"\xff"', b"\xef\xbb\xbf{}", b"1" * 5000, b"{} x"],
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(Unreadable, match=r"^expected JSON in UTF-8, with finite numbers, found something else$"):
        parse(body)


def test_depth_is_bounded_and_brackets_in_texts_do_not_count() -> None:
    assert parse(b"[" * DEEPEST + b"]" * DEEPEST)
    assert parse(json.dumps(["[" * 500, '\\"' + "{" * 500, "x"]).encode())
    for body in (b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), b'{"a":' * 100_000, b"[" * 1_000_000, b'["\\\\",' * 70):
        with pytest.raises(Unreadable, match=r"^expected JSON of at most 64 levels, found more$"):
            parse(body)


@pytest.mark.parametrize("body", [b"[" + b"[]," * 340_000 + b"[]]", b'"' + b'\\"' * 500_000, b'"\\'])
def test_a_body_of_marks_alone_takes_no_long_time(body: bytes) -> None:
    started = time.perf_counter()
    with suppress(Unreadable):
        parse(body)
    assert time.perf_counter() - started < 5


def test_of_a_name_that_stands_there_twice_the_last_value_counts() -> None:
    assert parse(b'{"a": 1, "a": 2}') == {"a": 2}


@given(st.text(), st.text())
def test_texts_are_the_same_where_they_are_equal(one: str, other: str) -> None:
    assert same(one, one)
    assert same(one, other) is (one == other)


def test_what_is_no_text_is_compared_too() -> None:
    assert not same("\udcff\ud800", "secret")
    assert not same("", "secret")
    assert same(b"secret", "secret")
    assert not same("?", "\ud800")


def test_a_problem_says_what_there_is_to_say() -> None:
    told = json.loads(_body(Problem(HTTPStatus.UNAUTHORIZED)))
    assert told == {"type": "about:blank", "title": "Unauthorized", "status": 401}
    told = json.loads(_body(Problem(HTTPStatus.BAD_REQUEST, "no", [Wrong("#/a", "expected a text")])))
    assert (told["detail"], told["errors"]) == ("no", [{"pointer": "#/a", "detail": "expected a text"}])


@pytest.mark.parametrize(("seconds", "said"), [(0.0, "1"), (1.2, "2"), (30, "30")])
def test_what_is_gone_later_says_when_in_whole_seconds(seconds: float, said: str) -> None:
    answer = later(HTTPStatus.TOO_MANY_REQUESTS, "too many requests", seconds).response()
    assert (answer.status, answer.headers["Retry-After"]) == (429, said)
    assert answer.content_type == "application/problem+json"


def _body(problem: Problem) -> bytes:
    body = problem.response().body
    assert isinstance(body, bytes)
    return body
