"""Every row finds what it was given; those of packages that are not installed are left out."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from benchmarks.datasets import Stored
from benchmarks.measures import Ranking
from benchmarks.peers import MOST_RANKED, ROWS, NotApplicableError, Terms, best, entries_of, letters, prepare, tokens
from engine.training import school
from engine.training.options import TrainingOptions

QUESTIONS = {
    "hours": ("when do you open", "opening hours please", "are you open on sunday", "what time do you close"),
    "refund": (
        "i want my money back",
        "how do i get a refund",
        "please refund my order",
        "money back for a broken cup",
    ),
    "delivery": ("where is my parcel", "how long does delivery take", "has the parcel been sent", "delivery to france"),
}
LIGHT = ["rapidfuzz-ratio", "rapidfuzz-wratio", "bm25", "tfidf-nearest", "tfidf-svm"]
NEEDED = {"bm25": "bm25s", "tfidf-nearest": "sklearn", "tfidf-svm": "sklearn"}


def a_shop(**more: object) -> Stored:
    pairs = [(text, label) for label, texts in QUESTIONS.items() for text in texts]
    texts, labels = zip(*pairs, strict=True)
    return Stored(texts, labels, **more)  # type: ignore[arg-type]  # the fields that a test names


def terms(folder: Path) -> Terms:
    return Terms(folder, seed=1, minutes=1.0)


class NeedsMoreThanThereIs:
    modules: ClassVar[tuple[str, ...]] = ("chatterbot.of.a.package.that.is.nowhere",)
    most_asked: ClassVar[int | None] = None

    def fit(self, stored: Stored) -> None:
        raise AssertionError(stored)

    def rank(self, texts: Sequence[str]) -> list[Ranking]:
        raise AssertionError(texts)


@pytest.mark.parametrize("name", LIGHT)
def test_a_row_finds_a_label_by_its_words_after_a_journey_through_a_file(name: str, tmp_path: Path) -> None:
    pytest.importorskip(NEEDED.get(name, "rapidfuzz"))
    peer = ROWS[name](terms(tmp_path))
    prepare(peer)
    peer.fit(a_shop())
    again = pickle.loads(pickle.dumps(peer))  # noqa: S301 - written on the same line
    rankings = again.rank(["REFUND my order please", "delivery to france?", ""])
    assert [ranking[0][0] for ranking in rankings[:2]] == ["refund", "delivery"]
    assert all(sorted(label for label, _ in ranking) == sorted(QUESTIONS) for ranking in rankings)
    assert all(ranking == sorted(ranking, key=lambda pair: -pair[1]) for ranking in rankings)


@pytest.mark.parametrize("name", LIGHT)
def test_one_question_by_itself_gets_what_it_gets_among_others(name: str, tmp_path: Path) -> None:
    pytest.importorskip(NEEDED.get(name, "rapidfuzz"))
    peer = ROWS[name](terms(tmp_path))
    peer.fit(a_shop())
    texts = ["open on sunday", "my parcel", "xyzzy"]
    alone = [peer.rank([text])[0] for text in texts]
    for one, other in zip(alone, peer.rank(texts), strict=True):
        assert [label for label, _ in one] == [label for label, _ in other]
        assert [score for _, score in one] == pytest.approx([score for _, score in other])


@pytest.mark.parametrize("name", LIGHT)
def test_chinese_is_found_by_its_characters(name: str, tmp_path: Path) -> None:
    pytest.importorskip(NEEDED.get(name, "rapidfuzz"))
    texts = ("什么时候开门", "几点开门营业", "怎么退款", "我要退款")
    peer = ROWS[name](terms(tmp_path))
    peer.fit(Stored(texts, ("hours", "hours", "refund", "refund"), language="zh"))
    assert [ranking[0][0] for ranking in peer.rank(["请问开门时间", "退款啊"])] == ["hours", "refund"]


def test_what_is_outside_is_a_class_of_the_svm_and_never_ranked(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    peer = ROWS["tfidf-svm"](terms(tmp_path))
    peer.fit(a_shop(outside=("who won the football match", "is it going to rain", "sing me a song")))
    beyond, within = peer.rank(["will it rain during the football match", "opening hours"])
    assert {label for label, _ in beyond} == set(QUESTIONS)
    assert beyond[0][1] < within[0][1]


def test_a_classifier_says_why_it_cannot_learn_one_text_a_label(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    with pytest.raises(NotApplicableError, match="one text"):
        ROWS["tfidf-svm"](terms(tmp_path)).fit(Stored(("a", "b"), ("x", "y")))


def test_an_optional_package_that_is_missing_is_named() -> None:
    with pytest.raises(NotApplicableError, match=r"pip install chatterbot"):
        prepare(NeedsMoreThanThereIs())


def test_rankings_are_bounded_and_equal_scores_keep_their_order() -> None:
    names = [f"{number:03}" for number in range(MOST_RANKED + 20)]
    (ranking,) = best(np.zeros((1, len(names))), names)
    assert [label for label, _ in ranking] == names[:MOST_RANKED]


def test_words_stand_alone_and_chinese_gives_characters_and_pairs() -> None:
    assert tokens("Wie GEHT'S, 退款3天?") == ["wie", "geht", "s", "退", "款", "退款", "3", "天"]
    assert tokens("?! …") == []


def test_entries_hold_each_question_once_and_say_nothing_where_the_set_has_no_answers() -> None:
    stored = Stored(("a?", "b?", "a?", "c?"), ("first", "second", "first", "first"), answers={"second": "It is so."})
    first, second = entries_of(stored)
    assert (first.id, first.questions, second.questions) == ("first", ("a?", "c?"), ("b?",))
    assert second.answer == "It is so."
    assert "first" not in first.answer


def test_ordinals_in_letters_differ() -> None:
    assert (letters(0), letters(1), letters(26)) == ("aaa", "aab", "aba")
    assert len({letters(number) for number in range(4000)}) == 4000


@pytest.mark.parametrize(("name", "encoder"), [("attendant", "base"), ("attendant-none", "none")])
def test_this_project_is_there_from_its_base_and_from_nothing(
    name: str, encoder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[TrainingOptions] = []
    monkeypatch.setattr(school, "train", lambda _data, _folder, options, _report: seen.append(options))
    ROWS[name](terms(tmp_path)).fit(a_shop())
    assert [(options.encoder, options.seed, options.minutes) for options in seen] == [(encoder, 1, 1.0)]
