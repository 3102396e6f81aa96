"""``attendant why``: everything behind an answer, in the terminal, as data and as a page."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from cli_house import move_in
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from bot.cli.main import cli
from bot.cli.why_page import page
from bot.cli.why_text import COLUMNS, lines
from engine.calibration import NEVER, Thresholds
from engine.dialogue import Choice, Grade, Source
from engine.explanation import (
    MEANINGS,
    NONE_MEANINGS,
    Best,
    Composed,
    Contender,
    Explanation,
    Feature,
    Match,
    Near,
    Part,
    Remembered,
    Said,
    Value,
    Word,
)
from engine.knowledge.entries import Knowledge
from engine.memory import Settled
from engine.respond import Engine
from engine.understand.tone import Tone
from tests.engine.parts import an_engine

EMPTY_ELEMENTS = {"meta", "!doctype"}
TABLE = {
    "refund please": {"refund": 0.8, "hours": 0.1},
    "and this": {"hours": 0.1},
    "and this @refund": {"refund": 0.7},
}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = move_in(tmp_path, monkeypatch)
    monkeypatch.setattr(Engine, "load", staticmethod(lambda *_: an_engine(TABLE)))
    return folder


def why(*words: str) -> Result:
    return CliRunner().invoke(cli, ["why", *words])


def files(folder: Path) -> Mapping[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def features(names: Mapping[str, str], step: float) -> tuple[Feature, ...]:
    return tuple(Feature(name, 0.5, step * number) for number, name in enumerate(names, 1))


def contender(entry: str | None, question: str, confidence: float, names: Mapping[str, str], step: float) -> Contender:
    found = features(names, step)
    return Contender(entry, question, confidence, sum(one.adds for one in found), found)


def an_explanation(text: str = "how much is delivrey") -> Explanation:
    """An explanation with something in every place; ``text`` stands wherever customers or the FAQ speak."""
    part = Part(
        kind="message",
        text=text,
        topic="delivery",
        before=text,
        words=(Word(text, 0.75, False), Word("is", 0.25, True)),
        pieces=(f" {text}", "|", "⟨email⟩"),
        contenders=(
            contender("delivery", text, 0.9, MEANINGS, 0.125),
            contender("hours", text, 0.06, MEANINGS, -0.1),
            contender(None, "", 0.04, NONE_MEANINGS, -0.2),
        ),
        nearest=(Near(text, "delivery", 0.5, 0.25, (Match("is", "is", 1.0), Match(text, "delivery", 0.43))),),
        verdict="answer",
        reason="confidence 0.90 reaches the threshold 0.60",
    )
    return Explanation(
        text=text,
        locale="en",
        tone=Tone.UPSET,
        values=(Value("name", text, True), Value("order_number", "AB-1234", False)),
        memory=Remembered(
            turn=2,
            topic="delivery",
            values={"name": text},
            offered=(Choice("hours", text),),
            about=text,
            settled=(Settled(text, ("delivery",)),),
            best=Best("delivery", 0.9),
            alone=None,
        ),
        parts=(part, replace(part, kind="question"), replace(part, kind="follow-up", verdict="decline")),
        thresholds=Thresholds(0.6, 0.3, NEVER, 0.7),
        promise="2% cannot be promised",
        reply=Said(
            text=f"{text}\n\n{text}",
            source=Source.GENERATED,
            origin="delivery",
            reason="because",
            grade=Grade.NEAR_MISS,
            entry="delivery",
            confidence=0.9,
            choices=(Choice("delivery", text),),
            composed=(Composed("delivery", text, 0.95, False),),
        ),
    )


class Page(HTMLParser):
    """Reads a page strictly: every element is closed, in order. Keeps its elements, attributes and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in EMPTY_ELEMENTS:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


ODD = {
    "colours": "\x1b[31mred",
    "surrogate": "\udcff",
    "emoji": "😀" * 100,
    "chinese": "几点开门" * 200,
    "lines": "a\n\nb",
    "html": "<b>&",
}
ORDINARY = Page(page(an_explanation()))
hostile = st.one_of(
    st.text(max_size=200),
    st.sampled_from(
        ["<script>alert(1)</script>", "</style><img src=x onerror=y>", '" onclick="x', "&lt;b&gt;", "\x1b[31m\u202eabc"]
    ),
    st.text(st.sampled_from("几点开门送货 é👍🏽ａ"), max_size=200),
)


@pytest.mark.usefixtures("shop")
def test_the_reply_comes_first_then_the_rule_and_what_was_considered() -> None:
    result = why("refund", "please")
    assert result.exit_code == 0, result.stderr
    shown = [line.split(maxsplit=1) for line in result.stdout.splitlines()[:4]]
    assert shown == [
        ["asked", "refund please"],
        ["reply", "You get your money back within 14 days."],
        ["from", "retrieved, refund; confidence 0.80"],
        ["because", "confidence 0.80 reaches the threshold 0.60; the entry speaks for itself"],
    ]
    assert "answer from 0.60, follow-up from 0.60, ask back from 0.30, compose from 0.90" in result.stdout
    assert "80.0%" in result.stdout
    assert "none of them" in result.stdout


@pytest.mark.usefixtures("shop")
def test_json_is_one_object_and_nothing_else() -> None:
    result = why("--json", "refund please")
    found = json.loads(result.stdout)
    assert (result.exit_code, result.stdout.count("\n"), result.stderr) == (0, 1, "")
    assert found["reply"]["entry"] == "refund"
    assert [one["entry"] for one in found["parts"][0]["contenders"]] == ["refund", "hours", None]


def test_nothing_is_stored(shop: Path) -> None:
    before = files(shop)
    assert why("refund please").exit_code == 0
    assert files(shop) == before


def test_a_page_takes_the_place_of_an_earlier_one_and_of_nothing_else(shop: Path) -> None:
    for _ in range(2):
        result = why("--html", "out/why.html", "refund please")
        assert (result.exit_code, result.stdout) == (0, "out/why.html: why refund please\n"), result.stderr
    assert "You get your money back" in (shop / "out" / "why.html").read_text("utf-8")
    assert [path.name for path in (shop / "out").iterdir()] == ["why.html"]
    before = files(shop)
    for target, words in (("faq.csv", "no .html file"), ("var", "is a folder")):
        refused = why("--html", target, "refund please")
        assert refused.exit_code == 2
        assert words in refused.stderr
    assert files(shop) == before


@pytest.mark.usefixtures("shop")
def test_a_page_that_cannot_be_written_is_a_failure_in_words() -> None:
    result = why("--html", "faq.csv/why.html", "refund please")
    assert result.exit_code == 1
    assert "faq.csv" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.usefixtures("shop")
def test_a_page_and_data_go_together() -> None:
    result = why("--html", "why.html", "--json", "refund please")
    assert json.loads(result.stdout)["reply"]["entry"] == "refund"
    assert Path("why.html").exists()


def test_a_stored_conversation_lends_its_memory_and_stays_as_it_is(shop: Path) -> None:
    asked = CliRunner().invoke(cli, ["ask", "refund please", "--conversation", "anna"])
    assert asked.exit_code == 0, asked.stderr
    before = files(shop)
    result = why("and this", "--conversation", "anna")
    assert result.exit_code == 0, result.stderr
    assert "leans on    refund, after “refund please”" in result.stdout
    assert "it changes  best with memory refund (70%), without it hours (10%)" in result.stdout
    assert files(shop) == before
    assert "memory" not in why("and this").stdout


@pytest.mark.usefixtures("shop")
def test_a_conversation_that_a_person_has_is_explained_all_the_same() -> None:
    assert CliRunner().invoke(cli, ["ask", "/human", "--conversation", "anna"]).exit_code == 0
    result = why("refund please", "--conversation", "anna")
    assert result.exit_code == 0
    assert "anna is with a person now" in result.stderr


def test_a_conversation_that_is_not_there_is_a_failure_in_words(shop: Path) -> None:
    result = why("refund please", "--conversation", "nobody")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "there is no conversation nobody" in result.stderr
    assert not (shop / "var" / "attendant.db").exists()


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "TEXT"),
        ([""], "nothing was asked"),
        (["\x00 \u200b"], "nothing was asked"),
        (["/human"], "/human is a command of the chat"),
        (["x" * 5000], "5,000 characters are more than service.message_characters (4,000)"),
        (["refund", "--conversation", "a:"], "CHANNEL:THREAD"),
    ],
)
def test_what_no_entry_is_looked_for_is_wrong_use(words: list[str], said: str) -> None:
    result = why(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in " ".join(result.stderr.split())


def test_without_a_model_or_an_entry_it_says_what_to_do(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "load", staticmethod(lambda *_: an_engine({}, knowledge=Knowledge(()))))
    empty = why("refund")
    (shop / "var" / "model" / "manifest.json").unlink()
    untrained = why("refund")
    for result, words in ((empty, "no entries"), (untrained, "there is no model")):
        assert (result.exit_code, result.stdout) == (1, "")
        assert words in result.stderr
        assert "`attendant train`" in result.stderr


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("name", ODD)
def test_any_text_is_explained(name: str) -> None:
    for kind in ([], ["--json"], ["--html", "why.html"]):
        result = why(*kind, "--", ODD[name])
        assert result.exit_code == 0, result.stderr
        assert "\x1b" not in result.stdout


@given(hostile)
def test_no_line_is_wider_than_the_terminal_or_moves_its_cursor(text: str) -> None:
    for line in lines(an_explanation(text)):
        assert cell_len(line) <= COLUMNS
        assert "\n" not in line
        assert not set(line) & set("\x1b\r\t\u202e")


def test_columns_stand_under_each_other_in_english_and_chinese() -> None:
    def ends(text: str) -> list[int]:
        return [cell_len(line) for line in lines(an_explanation(text)) if re.search(r"[+-]\d+\.\d\d$|\d%$", line)]

    english = ends("how much is delivery")
    assert len(english) > 3 * len(MEANINGS)
    assert english == ends("寄到爱尔兰要多少钱") == ends("几点 open 开门？" * 30) == ends("👍🏽 é")


def test_words_that_only_look_alike_are_told_from_the_same_ones() -> None:
    shown = "\n".join(lines(an_explanation("delivrey")))
    assert "in common: is, delivrey ~ delivery (43%)" in shown
    assert "delivrey~" in shown
    assert "is not known as a word; it is read by its parts" in shown


def test_what_makes_no_difference_is_not_shown() -> None:
    part = an_explanation().parts[0]
    first = part.contenders[0]
    idle = replace(first, features=(replace(first.features[0], adds=0.0), *first.features[1:]))
    without = replace(an_explanation(), parts=(replace(part, contenders=(idle,), nearest=(), words=(), pieces=()),))
    for shown in ("\n".join(lines(without)), page(without)):
        assert MEANINGS["understanding"] not in shown
        assert MEANINGS["linear"] in shown


@given(hostile)
def test_a_page_holds_what_was_said_as_text_and_as_nothing_else(text: str) -> None:
    html = page(an_explanation(text))
    html.encode("utf-8")
    read = Page(html)
    assert (read.elements, read.attributes) == (ORDINARY.elements, ORDINARY.attributes)


def test_a_page_shows_what_was_typed() -> None:
    assert "<script>alert('é几')</script>" in Page(page(an_explanation("<script>alert('é几')</script>"))).text


def test_a_page_needs_nothing_from_anywhere() -> None:
    html = page(an_explanation())
    assert not {"script", "link", "img", "iframe", "object", "form", "a"} & ORDINARY.elements
    assert not {"src", "href", "onclick"} & ORDINARY.attributes
    assert not any(word in html for word in ("://", "url(", "@import", "@font-face"))
    assert "default-src 'none'" in html


def test_every_table_of_a_page_has_a_caption_and_headings() -> None:
    html = page(an_explanation())
    tables = html.count("<table>")
    assert tables == 3 * 4
    assert html.count("<caption>") == html.count("<thead>") == tables
    for row in html.split("<tbody>")[1:]:
        body = row.partition("</tbody>")[0]
        assert body.count("<tr>") == body.count('scope="row"') > 0


def test_a_page_shades_words_by_their_share_of_the_attention() -> None:
    html = page(an_explanation("delivrey"))
    assert '<li class="text unknown" style="--share: 0.750">delivrey<small>75%</small></li>' in html
    assert '<li class="text" style="--share: 0.250">is<small>25%</small></li>' in html


def test_data_are_plain(tmp_path: Path) -> None:
    def plain(value: Any) -> bool:
        if isinstance(value, dict):
            return all(isinstance(name, str) and plain(one) for name, one in value.items())
        return all(map(plain, value)) if isinstance(value, list) else isinstance(value, str | int | float | None)

    found = an_explanation().to_json()
    (tmp_path / "why.json").write_text(json.dumps(found), "utf-8")
    read = json.loads((tmp_path / "why.json").read_text("utf-8"))
    assert plain(read)
    assert read == found
    assert read["tone"] == "upset"
    assert set(read["meanings"]["candidate"]) >= {one["name"] for one in read["parts"][0]["contenders"][0]["features"]}
