"""The kernel machine: against its own equations, on what it learned, and on what it has never heard."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parts import DrawnEncoder, ThemeEncoder

from engine import checkpoint
from engine.ports import TextEncoder
from engine.retrieval import kernel as machine
from engine.retrieval.kernel import Cosines, KernelModel, fit_kernel, gaussian, kernel
from engine.text.features import grams, pairs, words

REFUND = ("how do I get a refund", "money back please", "can I return it for a refund")
HOURS = ("when are you open", "opening hours on sunday", "what time do you close")
CHINESE = ("几点开门", "你们的营业时间", "周末几点关门")
WEATHER = ("is it raining", "will the sun shine today")
ASKED = [(text, place) for place, own in enumerate((REFUND, HOURS, CHINESE)) for text in own]
TEXTS = [text for text, _ in ASKED] + list(WEATHER)
PLACES = [place for _, place in ASKED] + [-1] * len(WEATHER)

NO_VECTOR = np.zeros(0, np.float32)
THEMES = ThemeEncoder("refund money back return", "open opening hours close", "几点开门 你们的营业时间 周末几点关门")

texts = st.lists(
    st.text("abc 你好!🙂", max_size=12) | st.sampled_from(["refund", "open today", "退款"]), min_size=1, max_size=8
)


def a_machine(asked: list[str], places: list[int], classes: int, encoder: TextEncoder | None = None) -> KernelModel:
    """A machine trained on these questions, each as rare as it is among them."""
    found = fit_kernel(asked, places, classes=classes, counted=list(dict.fromkeys(asked)), encoder=encoder)
    assert found is not None
    return found


def scores_of(model: KernelModel, text: str, encoder: TextEncoder | None = None) -> np.ndarray:
    """Scores of a text; with an encoder by its vector as well."""
    return model.scores(text, NO_VECTOR if encoder is None else encoder.vectors([text])[0])


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
        np.testing.assert_allclose(scores_of(found, text), kernel(cosines.of(text)) @ weights, atol=1e-4)


def test_every_question_that_it_was_taught_is_known_again() -> None:
    found = a_machine(TEXTS, PLACES, 3)
    for text, place in ASKED:
        scores = scores_of(found, text)
        assert int(scores.argmax()) == place
        assert float(scores[place]) > 0.7
    assert max(float(scores_of(found, text).max()) for text in WEATHER) < 0.2


def test_words_of_one_language_are_found_with_typing_errors_and_in_another_order() -> None:
    found = a_machine(TEXTS, PLACES, 3)
    assert int(scores_of(found, "hwo do i get a refnud").argmax()) == 0
    assert int(scores_of(found, "a refund, how do I get it?").argmax()) == 0
    assert int(scores_of(found, "关门几点").argmax()) == 2


@pytest.mark.parametrize("text", ["", "   ", "!?…", "🙂", "xyzzy qqqq", "ⴰⵣⵓⵍ"])
def test_a_text_without_anything_known_scores_nothing(text: str) -> None:
    np.testing.assert_array_equal(scores_of(a_machine(TEXTS, PLACES, 3), text), np.zeros(3))


def test_a_very_long_text_is_scored_all_the_same() -> None:
    scores = scores_of(a_machine(TEXTS, PLACES, 3), "refund " * 14_000)
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
        # stored as halves
        np.testing.assert_allclose(scores_of(again, text), scores_of(found, text), rtol=0.01, atol=0.01)


def test_arrays_come_through_a_checkpoint_and_a_missing_one_is_named(tmp_path: Path) -> None:
    found = a_machine(TEXTS, PLACES, 3)
    checkpoint.write(tmp_path, {"index.safetensors": checkpoint.arrays_to_bytes(found.arrays("linear"))}, {})
    arrays = dict(checkpoint.read(tmp_path).arrays("index.safetensors"))
    assert int(scores_of(KernelModel.from_arrays(arrays, "linear"), REFUND[0]).argmax()) == 0
    del arrays["linear.weights"]
    with pytest.raises(KeyError, match=r"linear\.weights"):
        KernelModel.from_arrays(arrays, "linear")


def test_ten_thousand_equal_questions_count_once_and_take_no_time() -> None:
    began = time.monotonic()
    often = a_machine(["Where is my parcel?"] * 10_000 + ["when are you open"], [0] * 10_000 + [1], 2)
    assert time.monotonic() - began < 5
    once = a_machine(["where is my parcel?", "when are you open"], [0, 1], 2)
    np.testing.assert_allclose(scores_of(often, "my parcel"), scores_of(once, "my parcel"), atol=1e-6)


def test_a_question_that_two_entries_claim_is_shared_between_them() -> None:
    scores = a_machine(["open today", "Open today", "money back"], [0, 1, 2], 3).scores("open today", NO_VECTOR)
    assert float(scores[0]) == pytest.approx(float(scores[1]))
    assert 0.4 < float(scores[0]) < 0.5
    beside = a_machine(["open today", "open today", "money back"], [0, -1, 2], 3).scores("open today", NO_VECTOR)
    assert 0.4 < float(beside[0]) < 0.5


def test_texts_that_hardly_differ_do_not_upset_the_equations() -> None:
    asked = [f"where is my parcel number{' ' * (number % 7)} {number % 3}!" for number in range(300)]
    scores = a_machine(asked, [number % 3 for number in range(300)], 3).scores("where is my parcel number 2", NO_VECTOR)
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
        assert int(scores_of(found, text).argmax()) == 1


def test_so_many_entries_that_the_weights_would_outgrow_the_rest_have_no_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machine, "MOST_WEIGHTS", 3 * len(TEXTS) - 1)
    assert fit_kernel(TEXTS, PLACES, classes=3, counted=TEXTS) is None
    monkeypatch.setattr(machine, "MOST_WEIGHTS", 3 * len(TEXTS))
    assert fit_kernel(TEXTS, PLACES, classes=3, counted=TEXTS) is not None


def test_of_many_weights_only_those_of_the_nearest_questions_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    found = a_machine(TEXTS, PLACES, 3)
    all_of_them = {text: scores_of(found, text) for text in TEXTS}
    monkeypatch.setattr(machine, "_DENSE", 0)
    monkeypatch.setattr(machine, "_NEAREST", 4)
    for text, scores in all_of_them.items():
        assert int(scores_of(found, text).argmax()) == int(scores.argmax())
        np.testing.assert_allclose(scores_of(found, text), scores, atol=0.05)


def test_a_single_question_and_none_at_all_are_no_trouble() -> None:
    assert int(scores_of(a_machine(["refund"], [1], 2), "refund").argmax()) == 1
    np.testing.assert_array_equal(scores_of(a_machine([], [], 2), "refund"), np.zeros(2))


def both_kernels(share: float, encoder: TextEncoder) -> np.ndarray:
    """The likeness of every two texts, words weighed by their share."""
    cosines = Cosines.build(TEXTS, TEXTS)
    vectors = encoder.vectors(TEXTS)
    lexical = np.stack([kernel(cosines.of(text)) for text in TEXTS])
    return (share * lexical + (1 - share) * gaussian(vectors @ vectors.T)).astype(np.float64)


def targets() -> np.ndarray:
    found = np.zeros((len(TEXTS), 3))
    for row, place in enumerate(PLACES):
        found[row, [place] if place >= 0 else []] = 1.0
    return found


def right_when_left_out(share: float, encoder: TextEncoder) -> int:
    """How many questions are found by a machine that was trained without them; entries have others."""
    likeness, target, right = both_kernels(share, encoder), targets(), 0
    for row, place in enumerate(PLACES):
        rest = np.flatnonzero(np.arange(len(TEXTS)) != row)
        weights = np.linalg.solve(likeness[np.ix_(rest, rest)] + 0.1 * np.eye(len(rest)), target[rest])
        right += place >= 0 and int((likeness[row, rest] @ weights).argmax()) == place
    return right


def share_of(model: KernelModel) -> float:
    return float(model.arrays("linear")["linear.share"].astype(float)[0])


ENCODERS = [THEMES, DrawnEncoder(0), DrawnEncoder(1), DrawnEncoder(2)]


@pytest.mark.parametrize("encoder", ENCODERS)
def test_the_share_of_the_words_is_that_with_which_clearly_most_questions_left_out_are_found(
    encoder: TextEncoder,
) -> None:
    count = sum(PLACES.count(place) > 1 for place in PLACES)
    found = {share: right_when_left_out(share, encoder) / count for share in (0.2, 0.35, 0.5, 0.7, 1.0)}
    best = max(found, key=found.__getitem__)
    error = (found[best] * (1 - found[best]) / count) ** 0.5
    expected = best if found[best] - found[0.35] > error else 0.35
    assert share_of(a_machine(TEXTS, PLACES, 3, encoder)) == pytest.approx(expected)


def test_where_no_entry_has_two_questions_there_is_nothing_to_choose_the_share_by() -> None:
    assert share_of(a_machine(["refund", "opening hours"], [0, 1], 2, THEMES)) == pytest.approx(0.35)
    assert share_of(a_machine(list(WEATHER), [-1, -1], 2, THEMES)) == pytest.approx(0.35)
    assert share_of(a_machine(TEXTS, PLACES, 3)) == 1.0


@pytest.mark.parametrize("encoder", ENCODERS)
def test_with_meaning_it_solves_the_same_equations_over_both_kernels(encoder: TextEncoder) -> None:
    found = a_machine(TEXTS, PLACES, 3, encoder)
    share, cosines, vectors = share_of(found), Cosines.build(TEXTS, TEXTS), encoder.vectors(TEXTS)
    weights = np.linalg.solve(both_kernels(share, encoder) + 0.1 * np.eye(len(TEXTS)), targets())
    for text in (*TEXTS, "refund on sunday", "cash", ""):
        likeness = share * kernel(cosines.of(text)) + (1 - share) * gaussian(vectors @ encoder.vectors([text])[0])
        np.testing.assert_allclose(scores_of(found, text, encoder), likeness @ weights, atol=1e-4)


def test_a_large_matrix_is_made_in_parts_and_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = a_machine(TEXTS, PLACES, 3, THEMES)
    monkeypatch.setattr(machine, "_ROWS", 2)
    in_parts = a_machine(TEXTS, PLACES, 3, THEMES)
    for text in TEXTS:
        np.testing.assert_allclose(scores_of(in_parts, text, THEMES), scores_of(whole, text, THEMES), atol=1e-5)


def test_words_that_were_never_taught_are_found_by_what_they_mean() -> None:
    themes = ThemeEncoder("refund money back reimburse cash", "open opening hours close shut")
    found = a_machine(TEXTS, PLACES, 3, themes)
    assert float(Cosines.build(TEXTS, TEXTS).of("reimburse cash").max()) < 0.1
    assert int(scores_of(found, "reimburse cash", themes).argmax()) == 0
    assert int(scores_of(found, "shut", themes).argmax()) == 1


def test_the_gaussian_grows_from_nothing_at_a_right_angle_to_nearly_one() -> None:
    assert gaussian(np.zeros(1, np.float32))[0] == pytest.approx(0.0, abs=1e-7)
    assert gaussian(np.ones(1, np.float32))[0] == pytest.approx(1 - np.exp(-4))
    steps = gaussian(np.linspace(-1, 1, 21, dtype=np.float32))
    assert bool((np.diff(steps) > 0).all())


@pytest.mark.parametrize("encoder", ENCODERS)
def test_vectors_and_share_come_through_arrays_too(encoder: TextEncoder) -> None:
    found = a_machine(TEXTS, PLACES, 3, encoder)
    again = KernelModel.from_arrays(found.arrays("linear"), "linear")
    assert share_of(again) == share_of(found)
    for text in (*TEXTS, "cash on sunday"):
        np.testing.assert_allclose(scores_of(again, text, encoder), scores_of(found, text, encoder), atol=0.01)


@pytest.mark.parametrize("name", ["linear.vectors", "linear.share"])
def test_a_missing_array_of_the_meaning_is_named(name: str) -> None:
    arrays = a_machine(TEXTS, PLACES, 3, THEMES).arrays("linear")
    with pytest.raises(KeyError, match=name.replace(".", r"\.")):
        KernelModel.from_arrays({one: array for one, array in arrays.items() if one != name}, "linear")


def test_of_very_many_questions_some_are_drawn_to_choose_the_share_by(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_MOST_TRIED", 5)
    found = a_machine(TEXTS, PLACES, 3, THEMES)
    assert share_of(found) in [pytest.approx(share) for share in (0.2, 0.35, 0.5, 0.7, 1.0)]
    assert [int(scores_of(found, text, THEMES).argmax()) for text, _ in ASKED] == [place for _, place in ASKED]
