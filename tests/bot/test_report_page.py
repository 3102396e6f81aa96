"""The page of a report: whole, by itself, harmless, and not larger for many questions."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET  # what is read is what we wrote
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from report_shop import HISTORY, an_appraisal

from bot.cli.report_charts import grid, losses, reliability
from bot.cli.report_page import figures_of, page
from engine.training.appraisal import OWN, Appraisal
from engine.training.history import Curve, Step
from engine.training.mistakes import Bin
from engine.training.report import Group

EMPTY_ELEMENTS = {"meta", "br", "rect", "line", "circle", "polyline"}
NASTY = '<script>alert("x")</script> & \'; --> ]]>\x00\u202e'


class Reader(HTMLParser):
    """Checks that every element is closed, and keeps what a browser would do with the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.ids += [str(value) for name, value in attrs if name == "id"]
        self.links += [str(value) for name, value in attrs if name in ("href", "src")]
        if tag not in EMPTY_ELEMENTS:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in EMPTY_ELEMENTS:
            assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}


@pytest.fixture(scope="module")
def appraisal(tmp_path_factory: pytest.TempPathFactory) -> Appraisal:
    return an_appraisal(tmp_path_factory.mktemp("model"))


def test_the_page_is_whole_and_has_everything_that_was_measured(appraisal: Appraisal) -> None:
    text = page(appraisal)
    assert Reader(text).open == []
    for words in (
        "What it answers",
        "Finding the entry",
        "Entries that are mistaken most",
        "reliability",
        "31.2",
        "52.5",
        "nrefs:1|tok:13a",
        "nc:6",
        "perplexity",
        "Composing: the next piece of a reply",
        "What went wrong",
        "The longest questions",
        "Gates: money back",
        "d" * 64,
        "p" * 32,
        "Begun 2026-03-01 12:00 UTC, took 1:01.",
    ):
        assert words in text, words


def test_the_page_takes_nothing_from_elsewhere_and_runs_nothing(appraisal: Appraisal) -> None:
    found = Reader(page(appraisal))
    assert "default-src 'none'" in page(appraisal)
    assert found.names & {"script", "link", "img", "iframe", "object", "form"} == set()
    assert [name for name in found.attributes if name.startswith("on")] == []
    assert found.links == [f"#{name}" for name in found.ids]


def test_the_page_is_for_light_dark_and_paper(appraisal: Appraisal) -> None:
    text = page(appraisal)
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


@pytest.mark.parametrize("text", [NASTY, "", "\ud800", "x" * 20_000, "مرحبا", "a\nb"])
def test_whatever_customers_say_is_text_and_nothing_else(tmp_path: Path, text: str) -> None:
    written = page(an_appraisal(tmp_path, text))
    found = Reader(written)
    assert found.open == []
    assert "script" not in found.names
    written.encode("utf-8")


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=30))
def test_any_text_leaves_the_page_whole(tmp_path: Path, text: str) -> None:
    assert Reader(page(an_appraisal(tmp_path, text))).open == []


def test_questions_that_were_trained_on_are_called_that(appraisal: Appraisal) -> None:
    assert "that it was trained on" in page(replace(appraisal, origin=OWN))
    assert "that it was trained on" not in page(appraisal)


def test_what_was_not_measured_is_left_out_and_said(appraisal: Appraisal) -> None:
    bare = replace(
        appraisal, composing=None, attention=(), gates=(), history=None, recalls=(), confusions=(), worst=(), bins=()
    )
    text = page(bare)
    assert Reader(text).open == []
    for words in ("Nothing was composed", "No history was kept", "could not be looked at", "Nothing went wrong"):
        assert words in text
    assert "BLEU" not in dict(figures_of(bare))


def test_a_thousand_bad_entries_are_shown_as_the_worst_forty(appraisal: Appraisal) -> None:
    entries = tuple(Group(f"entry-{number}", 9, 9, 0, 9, 0) for number in range(1000))
    text = page(replace(appraisal, report=replace(appraisal.report, entries=entries)))
    assert "Entries, the worst first (40 of 1,000)" in text
    assert "entry-39" in text
    assert "entry-40" not in text


def numbers_of(svg: str) -> list[float]:
    """Every coordinate of a picture."""
    found: list[float] = []
    for element in ET.fromstring(svg).iter():  # noqa: S314 - our own words
        found += [
            float(element.attrib[name])
            for name in ("x", "y", "x1", "x2", "y1", "y2", "cx", "cy")
            if name in element.attrib
        ]
        found += [float(one) for one in re.split(r"[ ,]+", element.attrib.get("points", "")) if one]
    return found


LOSSES = st.none() | st.floats(0, 1e9)


@given(st.lists(st.lists(st.tuples(LOSSES, LOSSES), min_size=1, max_size=6), min_size=1, max_size=3))
def test_any_losses_are_drawn_inside_the_picture(drawn: list[list[tuple[float | None, float | None]]]) -> None:
    curves = [
        Curve("compose", turn, tuple(Step("compose", turn, at, 9, *pair, 1.0, 1.0) for at, pair in enumerate(some, 1)))
        for turn, some in enumerate(drawn)
    ]
    assert all(0 <= number <= 560 for number in numbers_of(losses(curves)))


def test_a_stage_with_nothing_to_judge_by_has_one_line_and_no_word_of_another() -> None:
    svg = losses(HISTORY.curves()[:1])
    assert svg.count("<polyline") == 1
    assert "kept to judge by" not in svg
    assert losses(HISTORY.curves()[2:]).count("<polyline") == 2


@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 10**9))
def test_bars_stay_inside_the_picture_and_say_how_many_questions_they_are(
    sure: float, right: float, questions: int
) -> None:
    svg = reliability([Bin(0.9, 1.0, questions, sure, right)])
    assert f"{questions:,}" in svg
    assert all(0 <= number <= 560 for number in numbers_of(svg))


def test_a_map_shows_what_is_looked_at_and_leaves_out_the_rest() -> None:
    svg = grid("map", ["row"], ["one", "two", "a label that is too long"], [[0.9, 0.001, 0.5]])
    assert svg.count("<title>") == 2
    assert "a label that is…" in svg
    assert "<title>90%</title>" in svg


@given(st.lists(st.text(max_size=20), min_size=1, max_size=4), st.floats(0, 1))
def test_any_labels_leave_a_map_whole(labels: list[str], value: float) -> None:
    drawn = ET.fromstring(grid("map", labels, labels, [[value] * len(labels)] * len(labels), numbers=True))  # noqa: S314
    assert drawn.tag.endswith("svg")
