"""The report: counts that add up, the whole curve against a slow reference, and forms that others can read."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.calibration import Outcome
from engine.promise import fit_promise
from engine.training.report import POINTS, HeldOut, Report, report

few = st.sampled_from([0.0, 0.5, 0.9, 1.0])  # few values, so that there are many ties
judged = st.lists(
    st.builds(
        HeldOut,
        st.sampled_from(["", "returns", "订单", "shipping"]),
        st.sampled_from(["", "en", "zh"]),
        st.booleans(),
        few | st.floats(0, 1),
        st.booleans(),
        st.booleans(),
        st.none() | st.floats(0, 1),
    ),
    max_size=120,
)


def a_question(confidence: float, right: bool = True, *, entry: str = "returns", threshold: float = 0.5) -> HeldOut:
    return HeldOut(entry, "en", bool(entry), confidence, right, answered=confidence >= threshold)


def slow_rate(held_out: list[HeldOut], threshold: float) -> float:
    answered = [one for one in held_out if one.confidence >= threshold]
    return sum(not one.right for one in answered) / len(answered)


@given(judged)
def test_every_question_is_counted_once_for_its_scope(held_out: list[HeldOut]) -> None:
    found = report(held_out)
    assert sum(one.questions for one in found.scopes) == found.whole.questions == len(held_out)
    for group in (found.whole, *found.scopes, *found.locales, *found.entries):
        assert group.right + group.wrong == group.answered <= group.questions
        assert group.right <= group.best_right
    assert {one.name for one in found.entries} == {one.entry for one in held_out} - {""}
    assert {one.name for one in found.locales} == {one.locale for one in held_out} - {""}


@given(judged)
def test_every_point_of_the_curve_is_what_its_threshold_comes_to(held_out: list[HeldOut]) -> None:
    curve = report(held_out).curve
    for point in curve:
        answered = sum(one.confidence >= point.threshold for one in held_out)
        assert point.coverage == pytest.approx(answered / len(held_out))
        assert point.wrong_rate == pytest.approx(slow_rate(held_out, point.threshold))
    assert [point.coverage for point in curve] == sorted({point.coverage for point in curve})
    assert len(curve) <= POINTS
    assert not held_out or curve[-1].coverage == 1.0


@given(judged.filter(bool))
def test_the_area_under_the_curve_is_the_mean_rate_over_all_questions(held_out: list[HeldOut]) -> None:
    expected = sum(slow_rate(held_out, one.confidence) for one in held_out) / len(held_out)
    assert report(held_out).aurc == pytest.approx(expected)


@given(judged, st.randoms(use_true_random=False))
def test_the_order_of_the_questions_decides_nothing(held_out: list[HeldOut], chance) -> None:
    found, again = report(held_out), report(chance.sample(held_out, len(held_out)))
    assert (again.curve, again.entries, again.locales) == (found.curve, found.entries, found.locales)


def test_a_long_curve_is_thinned_evenly() -> None:
    curve = report([a_question(place / 5000) for place in range(5000)]).curve
    assert len(curve) == POINTS
    steps = [after.coverage - before.coverage for before, after in pairwise(curve)]
    assert max(steps) < 1.1 / (POINTS - 1)


def test_the_entry_that_goes_wrong_most_comes_first() -> None:
    held_out = [
        a_question(0.9, entry="fine"),
        a_question(0.9, right=False, entry="one wrong"),
        *[a_question(0.9, right=False, entry="two wrong")] * 2,
        a_question(0.1, right=False, entry="never answered"),
    ]
    assert [one.name for one in report(held_out).entries] == ["two wrong", "one wrong", "never answered", "fine"]
    shown = "\n".join(report(held_out).lines())
    assert "two wrong" in shown
    assert "fine" not in shown


def test_calibration_is_measured_before_and_after() -> None:
    held_out = [replace(a_question(0.75, right=place > 0), raw=1.0) for place in range(4)]
    found = report(held_out)
    assert found.error_before == pytest.approx(0.25)
    assert found.error_after == pytest.approx(0.0)
    assert "expected calibration error 0.000 (0.250 by understanding alone)" in found.lines()


def test_without_raw_scores_nothing_is_said_about_before() -> None:
    found = report([a_question(0.75)])
    assert found.error_before is None
    assert not any("understanding alone" in line for line in found.lines())


def promised(count: int, wrong: int, *, asked: int, wrong_there: int) -> Report:
    """A promise of at most 5 % from some held-out questions, and a report on others."""
    promise = fit_promise([Outcome(0.9, place >= wrong, 0, False) for place in range(count)], max_wrong_rate=0.05)
    return report([a_question(0.95, place >= wrong_there) for place in range(asked)], promise)


@pytest.mark.parametrize(
    ("asked", "wrong", "broken", "words"),
    [
        (100, 4, False, ""),
        (100, 7, False, "that is more than promised, which may be chance with so few answers"),
        (1000, 70, True, "that is more than promised, and not by chance"),
    ],
)
def test_a_broken_promise_is_told_from_chance(asked: int, wrong: int, broken: bool, words: str) -> None:
    found = promised(1000, 20, asked=asked, wrong_there=wrong)
    assert found.broken is broken
    said = [line for line in found.lines() if "more than promised" in line]
    assert (len(said), said[0].startswith(words) if said else True) == (1 if words else 0, True)


def test_where_nothing_was_promised_nothing_is_broken() -> None:
    found = promised(10, 0, asked=1000, wrong_there=900)
    assert not found.broken
    assert found.lines()[0].startswith("5% wrong answers cannot be promised from 10 held-out questions")


def test_the_plot_puts_the_curve_the_wanted_rate_and_the_bot_where_they_belong() -> None:
    held_out = [a_question(1 - place / 100, right=place < 50, threshold=0.505) for place in range(100)]
    promise = fit_promise([Outcome(one.confidence, one.right, 0, False) for one in held_out], max_wrong_rate=0.25)
    lines = report(held_out, promise).lines()
    plot = [line[9:] for line in lines if line[8:9] == "|"]
    assert plot[-1].startswith(" ****")  # half of the questions are answered without an error
    assert plot[-1][30] == "O"
    assert plot[0].endswith("*")
    assert len(plot[0]) == 61
    assert plot[len(plot) // 2].startswith("-----")  # the wanted rate is half of the highest
    assert "* wrong answers by share answered, - wanted 25.0%, O now" in lines


@settings(deadline=None)
@given(judged, st.none() | st.sampled_from([0.0, 0.05, 1.0]))
def test_every_form_can_be_written_whatever_the_questions_are(held_out: list[HeldOut], rate: float | None) -> None:
    outcomes = [Outcome(one.confidence, one.right, 0, False) for one in held_out]
    found = report(held_out, None if rate is None else fit_promise(outcomes, max_wrong_rate=rate))
    json.dumps(found.to_json(), allow_nan=False)
    drawing = ElementTree.fromstring(found.svg())  # noqa: S314  # our own text
    assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
    names = {one.name for one in found.entries}
    assert all(line.isascii() for line in found.lines() if not any(line.endswith(name) for name in names))


def test_the_drawing_shows_the_curve_the_wanted_rate_and_the_bot() -> None:
    held_out = [a_question(1 - place / 100, right=place != 70) for place in range(100)]
    promise = fit_promise([Outcome(one.confidence, one.right, 0, False) for one in held_out], max_wrong_rate=0.1)
    drawing = ElementTree.fromstring(report(held_out, promise).svg())  # noqa: S314  # our own text
    space = "{http://www.w3.org/2000/svg}"
    line = drawing.find(f"{space}polyline")
    assert line is not None
    assert len(line.attrib["points"].split()) == POINTS
    assert drawing.find(f"{space}circle") is not None
    assert "wanted 10.0%" in [text.text for text in drawing.iter(f"{space}text")]


def test_no_question_is_no_error() -> None:
    found = report([])
    assert (found.coverage, found.wrong_rate, found.aurc, found.curve) == (0.0, 0.0, 0.0, ())
    assert found.lines() == ["no question was held out, so nothing can be said about how often answers are wrong"]
