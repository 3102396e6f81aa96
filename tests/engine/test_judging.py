"""Composed texts against those that were wanted."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.training.judging import MISSING, distinct, judge_texts, overlap

WANTED = ["We are open from ⟨1⟩ to ⟨2⟩.", "You get your money back.", "早上九点到下午五点。"]


def test_texts_that_are_the_wanted_ones_are_exact() -> None:
    found = judge_texts(WANTED, WANTED)
    assert (found.texts, found.exact, found.same_form) == (3, 1.0, 1.0)
    assert (found.distinct_1, found.distinct_2) == (found.wanted_1, found.wanted_2)


def test_blanks_do_not_count_and_case_counts_for_exact_alone() -> None:
    found = judge_texts(["  we are  open\n", "We are open"], ["we are open", "we are open"])
    assert (found.exact, found.same_form) == (0.5, 1.0)


def test_no_text_at_all_is_judged_without_a_figure_and_without_a_complaint() -> None:
    found = judge_texts([], [])
    assert (found.texts, found.exact, found.distinct_1, found.overlap, found.note) == (0, 0.0, 0.0, None, "")


def test_a_text_without_its_partner_is_refused() -> None:
    with pytest.raises(ValueError, match="argument"):
        judge_texts(["one"], [])


@pytest.mark.parametrize(
    ("texts", "size", "share"),
    [
        (["a b c"], 1, 1.0),
        (["a a a a"], 1, 0.25),
        (["a b", "a b"], 2, 0.5),
        (["a"], 2, 0.0),
        (["", "…"], 1, 0.0),
        (["开门开门"], 1, 0.5),
        (["开门开门"], 2, 2 / 3),
    ],
)
def test_distinct_is_the_share_of_different_runs_of_words(texts: list[str], size: int, share: float) -> None:
    assert distinct(texts, size) == pytest.approx(share)


@given(st.lists(st.text(max_size=20), max_size=4), st.integers(1, 3))
def test_distinct_stays_within_its_bounds_and_repeating_all_never_raises_it(texts: list[str], size: int) -> None:
    once, twice = distinct(texts, size), distinct(texts * 2, size)
    assert 0 <= twice <= once <= 1


def test_without_sacrebleu_the_rest_is_judged_and_it_is_said_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics", None)
    found = judge_texts(WANTED, WANTED)
    assert (found.exact, found.overlap, found.note) == (1.0, None, MISSING)
    assert "pip install 'attendant[report]'" in found.note


class TestWithSacrebleu:
    """Only where the extra is installed."""

    @pytest.fixture(autouse=True)
    def _installed(self) -> None:
        pytest.importorskip("sacrebleu", reason="sacrebleu comes with the extra report")

    def test_the_wanted_texts_themselves_have_all_in_common(self) -> None:
        found = overlap(WANTED, WANTED)
        assert found is not None
        assert (found.bleu, found.chrf) == (pytest.approx(100), pytest.approx(100))

    def test_figures_are_those_that_sacrebleu_gives(self) -> None:
        from sacrebleu import corpus_bleu, corpus_chrf

        composed, wanted = ["the cat sat on the mat today"], ["the cat sat on a mat today"]
        found = overlap(composed, wanted)
        assert found is not None
        assert found.bleu == pytest.approx(corpus_bleu(composed, [wanted]).score)
        assert found.chrf == pytest.approx(corpus_chrf(composed, [wanted]).score)

    def test_words_are_parted_as_the_language_wants_it_and_the_signature_says_so(self) -> None:
        english, chinese = overlap(["a"], ["a"]), overlap(WANTED, WANTED)
        assert english is not None
        assert chinese is not None
        assert "tok:13a" in english.bleu_signature
        assert "tok:zh" in chinese.bleu_signature
        assert "nc:6" in chinese.chrf_signature

    @given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=12)), min_size=1, max_size=3))
    def test_any_texts_are_judged(self, pairs: list[tuple[str, str]]) -> None:
        found = overlap([one for one, _ in pairs], [other for _, other in pairs])
        assert found is not None
        assert 0 <= found.bleu <= 100.01
        assert 0 <= found.chrf <= 100.01
