"""Trials from small files: who is stored, who is asked, and what is said of files that are missing or wrong."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from benchmarks.datasets import BOTS, DRAWN, TRIALS, Asked, DataError, Folders, few, hold_out, rows, trial

EXAMPLES = some.lists(some.tuples(some.text(max_size=4), some.sampled_from("abc")), max_size=60)


def write(path: Path, *records: tuple[str, ...]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(records)
    return path


def a_bank(folder: Path, *, dev: str = "dev.csv", asked: tuple[tuple[str, str], ...] = (("lost it", "card"),)) -> Path:
    stored = [(f"card {number}", "card") for number in range(20)] + [(f"pin {number}", "pin") for number in range(3)]
    write(folder / "banking77/train.csv", ("text", "category"), *stored)
    write(folder / "banking77" / dev, ("text", "category"), *asked)
    return folder


def bots(folder: Path, **texts: tuple[tuple[str, str], ...]) -> Path:
    for bot in BOTS:
        write(folder / f"hint3/{bot}_train.csv", ("text", "intent"), *texts.get(bot, (("x", "X"),)))
    return folder


def labelled(label: str, count: int, word: str = "") -> tuple[tuple[str, str], ...]:
    return tuple((f"{word or label} {number}", label) for number in range(count))


def test_a_set_is_stored_from_its_training_file_and_asked_its_development_file(tmp_path: Path) -> None:
    made = trial("banking77", Folders([a_bank(tmp_path)]), seed=1)
    assert len(made.stored.texts) == len(made.stored.labels) == 23
    assert made.asked == (Asked("lost it", frozenset({"card"})),)


def test_a_test_file_is_asked_instead_where_there_is_one(tmp_path: Path) -> None:
    a_bank(tmp_path)
    a_bank(tmp_path, dev="test.csv", asked=(("forgot it", "pin"),))
    made = trial("banking77", Folders([tmp_path]), seed=1)
    assert [one.text for one in made.asked] == ["forgot it"]
    assert "test.csv" in made.note


def test_files_may_lie_in_several_folders(tmp_path: Path) -> None:
    a_bank(tmp_path / "one")
    (tmp_path / "two/banking77").mkdir(parents=True)
    (tmp_path / "one/banking77/dev.csv").rename(tmp_path / "two/banking77/test.csv")
    assert len(trial("banking77", Folders([tmp_path / "one", tmp_path / "two"]), seed=1).asked) == 1


def test_a_label_that_nothing_is_stored_for_is_out_of_scope(tmp_path: Path) -> None:
    folder = a_bank(tmp_path, asked=(("lost it", "card"), ("who won?", "oos")))
    assert [one.right for one in trial("banking77", Folders([folder]), seed=1).asked] == [{"card"}, frozenset()]


def test_few_examples_are_drawn_by_seed_and_leave_rare_labels_whole(tmp_path: Path) -> None:
    folders = Folders([a_bank(tmp_path)])
    one, same, other = (trial("banking77/10", folders, seed=seed).stored for seed in (1, 1, 2))
    assert one == same
    assert one.texts != other.texts
    assert (one.labels.count("card"), one.labels.count("pin")) == (10, 3)


@pytest.mark.parametrize(("name", "cards"), [("banking77/5", 5), ("banking77/10", 10), ("banking77/30", 20)])
def test_the_name_of_a_few_shot_set_says_how_many_examples_a_label_has(name: str, cards: int, tmp_path: Path) -> None:
    labels = trial(name, Folders([a_bank(tmp_path)]), seed=1).stored.labels
    assert (labels.count("card"), labels.count("pin")) == (cards, 3)
    assert name in DRAWN


@given(EXAMPLES, some.sampled_from([0.2, 0.25, 0.5]), some.integers(0, 9))
def test_holding_out_parts_what_there_is(examples: list[tuple[str, str]], share: float, seed: int) -> None:
    kept, held_out = hold_out(examples, share, seed)
    assert sorted(kept + held_out) == sorted(examples)
    for label in {label for _, label in examples}:
        count = sum(one == label for _, one in examples)
        assert sum(one == label for _, one in held_out) == round(count * share)
        assert any(one == label for _, one in kept)


@given(EXAMPLES, some.integers(1, 5))
def test_few_are_a_part_of_what_there_is(examples: list[tuple[str, str]], count: int) -> None:
    drawn = few(examples, count, seed=3)
    assert {label for _, label in drawn} == {label for _, label in examples}
    assert all(drawn.count(one) <= examples.count(one) for one in drawn)
    assert all(sum(one == label for _, one in drawn) <= count for label in "abc")


def test_the_out_of_scope_training_file_is_learned_from_and_the_other_one_asked(tmp_path: Path) -> None:
    folder = tmp_path / "clinc150"
    for name, text, intent in (
        ("train", "hello", "greet"),
        ("val", "hi", "greet"),
        ("oos_train", "why?", "oos"),
        ("oos_val", "who?", "oos"),
        ("oos_test", "where?", "oos"),
    ):
        write(folder / f"{name}.csv", ("text", "intent"), (text, intent))
    made = trial("clinc150", Folders([tmp_path]), seed=1)
    assert made.stored.outside == ("why?",)
    assert [one.text for one in made.asked if not one.right] == ["where?"]


def test_questions_of_other_bots_are_out_of_scope_unless_this_bot_may_cover_them(tmp_path: Path) -> None:
    folder = bots(
        tmp_path,
        curekart=labelled("ORDER_STATUS", 8) + (("Size 0", "SIDE_EFFECT"),) * 4,
        sofmattress=labelled("DELAY_IN_DELIVERY", 8) + labelled("PILLOWS", 8) + labelled("SIZE", 8, "size"),
    )
    made = trial("hint3/curekart", Folders([folder]), seed=1)
    outside = [one.text for one in made.asked if not one.right]
    assert len(outside) == 4
    assert {text.split()[0] for text in outside} == {"PILLOWS", "size"}
    assert len([one for one in made.asked if one.right]) == 3
    assert "not in the folder" in made.note


def test_a_test_file_with_its_own_out_of_scope_questions_needs_no_others(tmp_path: Path) -> None:
    folder = bots(tmp_path, curekart=labelled("EXPIRY_DATE", 8))
    write(folder / "hint3/curekart_test.csv", ("text", "intent"), ("best by?", "EXPIRY_DATE"), ("weather", "NONE"))
    made = trial("hint3/curekart", Folders([folder]), seed=1)
    assert len(made.stored.texts) == 8
    assert [(one.text, bool(one.right)) for one in made.asked] == [("best by?", True), ("weather", False)]


def test_faq_retrieval_stores_questions_and_answers_and_allows_several_right_ones(tmp_path: Path) -> None:
    write(tmp_path / "covidfaq/faq.csv", ("id", "question", "answer"), ("a", "what?", "this\nand that"), ("b", "q", ""))
    write(tmp_path / "covidfaq/queries.csv", ("query", "relevant"), ("what is it", "a b"))
    made = trial("covidfaq", Folders([tmp_path]), seed=1)
    assert (made.stored.texts, made.stored.labels) == (("what?", "q"), ("a", "b"))
    assert made.stored.answers["a"] == "this\nand that"
    assert made.asked == (Asked("what is it", frozenset({"a", "b"})),)


def test_an_id_that_the_bank_does_not_have_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "covidfaq/faq.csv", ("id", "question", "answer"), ("a", "what?", "this"))
    write(tmp_path / "covidfaq/queries.csv", ("query", "relevant"), ("what is it", "a z"))
    with pytest.raises(DataError, match=r"queries\.csv: z should be among the ids"):
        trial("covidfaq", Folders([tmp_path]), seed=1)


def test_half_of_the_wordings_are_asked_and_a_cold_start_stores_the_question_alone(tmp_path: Path) -> None:
    wordings = [("g1", "怎么还款", f"还款{number}") for number in range(5)] + [("g2", "额度", "额度多少")]
    write(tmp_path / "zh_bank/paraphrases.csv", ("id", "question", "paraphrase"), *wordings)
    folders = Folders([tmp_path])
    warm, cold = trial("zh_bank", folders, seed=1), trial("zh_bank/cold", folders, seed=1)
    assert warm.stored.labels.count("g1") == 3
    assert cold.stored.texts == ("怎么还款", "额度")
    assert warm.asked == cold.asked
    assert len(warm.asked) == 4
    assert not {one.text for one in warm.asked} & set(warm.stored.texts)


@pytest.mark.parametrize("name", TRIALS)
def test_a_missing_file_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"{name.split('/')[0]}/\w+\.csv.* is not in"):
        trial(name, Folders([tmp_path]), seed=1)


def test_a_folder_that_is_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is no folder"):
        Folders([tmp_path / "nowhere"])


def test_a_file_too_small_to_hold_anything_out_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no question is in scope"):
        trial("hint3/curekart", Folders([bots(tmp_path)]), seed=1)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "no column text"),
        (b"text,label\n", "has no rows"),
        (b"question,label\nwhy,a\n", "no column text; there are"),
        (b"text,label\nwhy\n", "record 1 is short"),
        (b"text,label\n\xff\xfe,a\n", "no UTF-8"),
        (b"text,label\n" + b"a" * 200_000 + b",b\n", "no UTF-8 CSV"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(content: bytes, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=problem):
        rows(path, "text", "label")


def test_a_byte_order_mark_blanks_and_line_breaks_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes('\ufefftext,label\r\n" two\nlines ", a \r\n'.encode())
    assert rows(path, "text", "label") == [("two\nlines", "a")]
