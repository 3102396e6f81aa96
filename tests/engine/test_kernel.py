"""The kernel machine: against its own equations, on what it learned, and on what it has never heard."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import checkpoint
from engine.retrieval import kernel as machine
from engine.retrieval.kernel import Cosines, KernelModel, fit_kernel, kernel
from engine.text.features import grams, pairs, words

REFUND = ("how do I get a refund", "money back please", "can I return it for a refund")
HOURS = ("when are you open", "opening hours on sunday", "what time do you close")
CHINESE = ("几点开门", "你们的营业时间", "周末几点关门")
WEATHER = ("is it raining", "will the sun shine today")
ASKED = [(text, place) for place, own in enumerate((REFUND, HOURS, CHINESE)) for text in own]
TEXTS = [text for text, _ in ASKED] + list(WEATHER)
PLACES = [place for _, place in ASKED] + [-1] * len(WEATHER)

texts = st.lists(
    st.text("abc 你好!🙂", max_size=12) | st.sampled_from(["refund", "open today", "退款"]), min_size=1, max_size=8
)


def a_machine(asked: list[str], places: list[int], classes: int) -> KernelModel:
    """A machine trained on these questions, each as rare as it is among them."""
    found = fit_kernel(asked, places, classes=classes, counted=list(dict.fromkeys(asked)))
    assert found is not None
    return found


def slow_cosines(stored: list[str], counted: list[str], text: str) -> list[float]:
    """Cosine with every stored text, each as a dictionary of weights."""
    documents = [{*words(one), *pairs(one), *grams(one)} for one in counted]
    known = {bucket for one in stored for bucket in (*words(one), *pairs(one), *grams(one))}

    def weights(one: str) -> dict[int, float]:
        found: dict[int, float] = {}
        for channel in (words(one) + pairs(one), grams(one)):
            spread = {bucket: sum(bucket in document for document in documents) for bucket in channel}
            own = {
                bucket: (1 + np.log(channel.count(bucket))) * (np.log((1 + len(counted)) / (1 + spread[bucket])) + 1)
                for bucket in channel
                if bucket in known
            }
            length = np.sqrt(2 * sum(value**2 for value in own.values()))
            for bucket, value in own.items():
                found[bucket] = found.get(bucket, 0.0) + value / length
        return found

    asked = weights(text)
    return [sum(value * weights(one).get(bucket, 0.0) for bucket, value in asked.items()) for one in stored]


@settings(deadline=None, max_examples=60)
@given(texts, texts | st.just([]), st.text("abc 你好!🙂", max_size=12))
def test_cosines_equal_those_of_dictionaries(stored: list[str], counted: list[str], text: str) -> None:
    found = Cosines.build(stored, counted)
    for asked in (text, stored[0]):
        np.testing.assert_allclose(found.of(asked), slow_cosines(stored, counted, asked), atol=1e-5)


def test_a_word_that_stands_in_many_counted_texts_says_less_than_a_rare_one() -> None:
    stored, counted = ["delivery abroad"], ["delivery", "free delivery", "delivery time", "delivery to you", "abroad"]
    found = Cosines.build(stored, counted)
    assert float(found.of("abroad")[0]) > float(found.of("delivery")[0]) + 0.05
    even = Cosines.build(stored, stored)
    assert float(even.of("abroad")[0]) < float(even.of("delivery")[0]) + 0.05


def test_a_text_is_as_near_to_itself_as_can_be_and_no_nearer_to_any_other() -> None:
    found = Cosines.build(TEXTS, TEXTS)
    near = np.stack([found.of(text) for text in TEXTS])
    np.testing.assert_allclose(near.diagonal(), 1.0, atol=1e-5)
    np.testing.assert_allclose(near, near.T, atol=1e-5)
    assert float((near - np.eye(len(TEXTS))).max()) < 0.9


def test_the_kernel_is_a_cubic_between_nothing_in_common_and_the_same() -> None:
    assert kernel(np.zeros(1, np.float32))[0] == pytest.approx(0.0, abs=1e-7)
    assert kernel(np.ones(1, np.float32))[0] == pytest.approx(1 - (0.5 / 1.5) ** 3)
    middle = np.linspace(0, 1, 11, dtype=np.float32)
    np.testing.assert_allclose(np.diff(kernel(middle), n=4), 0.0, atol=1e-6)  # the fourth difference of a cubic
    assert bool((np.diff(kernel(middle)) > 0).all())


def test_it_solves_the_ridge_regression_that_it_names() -> None:
    found = a_machine(TEXTS, PLACES, 3)
    cosines = Cosines.build(TEXTS, TEXTS)
    likeness = np.stack([kernel(cosines.of(text)) for text in TEXTS]).astype(np.float64)
    target = np.zeros((len(TEXTS), 3))
    for row, place in enumerate(PLACES):
        if place >= 0:
            target[row, place] = 1.0
    weights = np.linalg.solve(likeness + 0.1 * np.eye(len(TEXTS)), target)
    for text in (*TEXTS, "refund on sunday", "开门"):
        np.testing.assert_allclose(found.scores(text), kernel(cosines.of(text)) @ weights, atol=1e-4)


def test_every_question_that_it_was_taught_is_known_again() -> None:
    found = a_machine(TEXTS, PLACES, 3)
    for text, place in ASKED:
        scores = found.scores(text)
        assert int(scores.argmax()) == place
        assert float(scores[place]) > 0.7
    assert max(float(found.scores(text).max()) for text in WEATHER) < 0.2


def test_words_of_one_language_are_found_with_typing_errors_and_in_another_order() -> None:
    found = a_machine(TEXTS, PLACES, 3)
    assert int(found.scores("hwo do i get a refnud").argmax()) == 0
    assert int(found.scores("a refund, how do I get it?").argmax()) == 0
    assert int(found.scores("关门几点").argmax()) == 2


@pytest.mark.parametrize("text", ["", "   ", "!?…", "🙂", "xyzzy qqqq", "ⴰⵣⵓⵍ"])
def test_a_text_without_anything_known_scores_nothing(text: str) -> None:
    np.testing.assert_array_equal(a_machine(TEXTS, PLACES, 3).scores(text), np.zeros(3))


def test_a_very_long_text_is_scored_all_the_same() -> None:
    scores = a_machine(TEXTS, PLACES, 3).scores("refund " * 14_000)
    assert int(scores.argmax()) == 0
    assert bool(np.isfinite(scores).all())


@settings(deadline=None, max_examples=30)
@given(texts, st.data())
def test_arrays_give_the_same_machine_back(stored: list[str], data: st.DataObject) -> None:
    places = data.draw(st.lists(st.integers(-1, 2), min_size=len(stored), max_size=len(stored)))
    found = a_machine(stored, places, 3)
    again = KernelModel.from_arrays(found.arrays("linear"), "linear")
    assert again.classes == found.classes == 3
    for text in (*stored, "abc 你好"):
        np.testing.assert_allclose(again.scores(text), found.scores(text), rtol=0.01, atol=0.01)  # stored as halves


def test_arrays_come_through_a_checkpoint_and_a_missing_one_is_named(tmp_path: Path) -> None:
    found = a_machine(TEXTS, PLACES, 3)
    checkpoint.write(tmp_path, {"index.safetensors": checkpoint.arrays_to_bytes(found.arrays("linear"))}, {})
    arrays = dict(checkpoint.read(tmp_path).arrays("index.safetensors"))
    assert int(KernelModel.from_arrays(arrays, "linear").scores(REFUND[0]).argmax()) == 0
    del arrays["linear.weights"]
    with pytest.raises(KeyError, match=r"linear\.weights"):
        KernelModel.from_arrays(arrays, "linear")


def test_ten_thousand_equal_questions_count_once_and_take_no_time() -> None:
    began = time.monotonic()
    often = a_machine(["Where is my parcel?"] * 10_000 + ["when are you open"], [0] * 10_000 + [1], 2)
    assert time.monotonic() - began < 5
    once = a_machine(["where is my parcel?", "when are you open"], [0, 1], 2)
    np.testing.assert_allclose(often.scores("my parcel"), once.scores("my parcel"), atol=1e-6)


def test_a_question_that_two_entries_claim_is_shared_between_them() -> None:
    scores = a_machine(["open today", "Open today", "money back"], [0, 1, 2], 3).scores("open today")
    assert float(scores[0]) == pytest.approx(float(scores[1]))
    assert 0.4 < float(scores[0]) < 0.5
    beside = a_machine(["open today", "open today", "money back"], [0, -1, 2], 3).scores("open today")
    assert 0.4 < float(beside[0]) < 0.5


def test_texts_that_hardly_differ_do_not_upset_the_equations() -> None:
    asked = [f"where is my parcel number{' ' * (number % 7)} {number % 3}!" for number in range(300)]
    scores = a_machine(asked, [number % 3 for number in range(300)], 3).scores("where is my parcel number 2")
    assert int(scores.argmax()) == 2
    assert bool(np.isfinite(scores).all())


def test_of_too_many_questions_every_entry_keeps_an_even_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "MOST_SUPPORT", 12)
    rich = [f"rich question number {number}" for number in range(100)]
    poor = ["a poor question", "another poor one"]
    background = [f"what of the weather in week {number}" for number in range(30)]
    found = a_machine([*rich, *background, *poor], [0] * 100 + [-1] * 30 + [1] * 2, 2)
    kept = found.arrays("linear")
    assert int(kept["linear.size"][0]) == 12
    weights = kept["linear.weights"].astype(float)
    assert (weights > 0.1).sum(axis=0).tolist() == [5, 2]  # a question pulls to its own entry alone
    for text in poor:
        assert int(found.scores(text).argmax()) == 1


def test_so_many_entries_that_the_weights_would_outgrow_the_rest_have_no_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machine, "MOST_WEIGHTS", 3 * len(TEXTS) - 1)
    assert fit_kernel(TEXTS, PLACES, classes=3, counted=TEXTS) is None
    monkeypatch.setattr(machine, "MOST_WEIGHTS", 3 * len(TEXTS))
    assert fit_kernel(TEXTS, PLACES, classes=3, counted=TEXTS) is not None


def test_of_many_weights_only_those_of_the_nearest_questions_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    found = a_machine(TEXTS, PLACES, 3)
    all_of_them = {text: found.scores(text) for text in TEXTS}
    monkeypatch.setattr(machine, "_DENSE", 0)
    monkeypatch.setattr(machine, "_NEAREST", 4)
    for text, scores in all_of_them.items():
        assert int(found.scores(text).argmax()) == int(scores.argmax())
        np.testing.assert_allclose(found.scores(text), scores, atol=0.05)


def test_a_single_question_and_none_at_all_are_no_trouble() -> None:
    assert int(a_machine(["refund"], [1], 2).scores("refund").argmax()) == 1
    np.testing.assert_array_equal(a_machine([], [], 2).scores("refund"), np.zeros(2))
