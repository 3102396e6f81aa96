"""What is told of the base: how like its teacher it is, how fast it reads, how a process starts, what a wheel holds."""

from __future__ import annotations

import argparse
import gzip
import json
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from benchmarks import base
from benchmarks.base import FailedError, Floats, cold, held_out_translations, likeness, questions, ranks, timed
from benchmarks.pretrain import teacher
from benchmarks.pretrain.corpus import Corpus
from benchmarks.pretrain.grammar import Said
from benchmarks.pretrain.lesson import Lesson, held_out

ROOT = Path(__file__).parents[2]
SENTENCES = [f"is number {number} still free" for number in range(60)]


def at(*degrees: float) -> Floats:
    """Unit vectors in the plane, one for each angle."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, str(ROOT / "benchmarks/base.py"), *map(str, arguments)]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """A folder with sixty English sentences, all of them translated."""
    with gzip.open(tmp_path / "en-questions.txt.gz", "wt", encoding="utf-8") as file:
        file.writelines(f"{text}\n" for text in SENTENCES)
    with gzip.open(tmp_path / "pairs-en-zh.tsv.gz", "wt", encoding="utf-8") as file:
        file.writelines(f"{text}\t{number}号还空着吗\n" for number, text in enumerate(SENTENCES))
    return tmp_path


def test_an_encoder_is_wholly_like_one_that_is_turned_and_widened() -> None:
    own = at(0, 20, 60, 200)
    found = likeness(own, np.pad(own[:, ::-1], ((0, 0), (0, 3))))
    assert (found.pearson, found.spearman, found.neighbours) == pytest.approx((1.0, 1.0, 1.0))


def test_the_same_order_of_cosines_is_likeness_by_rank_alone() -> None:
    found = likeness(at(0, 20, 60), at(0, 10, 80))
    assert found.spearman == pytest.approx(1.0)
    assert found.pearson < 0.99
    assert found.neighbours == 1.0


def test_neighbours_are_the_share_of_texts_with_the_same_nearest_one() -> None:
    assert likeness(at(0, 20, 60), at(0, 50, 60)).neighbours == pytest.approx(2 / 3)


def test_equal_values_share_the_mean_of_their_ranks() -> None:
    assert ranks(np.array([3.0, 1.0, 3.0, 2.0])).tolist() == [2.5, 0.0, 2.5, 1.0]


def test_what_is_held_out_for_judging_is_not_taught_in_either_language() -> None:
    translations = tuple((text, f"译文{number}") for number, text in enumerate(SENTENCES))
    corpus = Corpus(tuple(SENTENCES), tuple(chinese for _, chinese in translations), (), translations)
    composed = [Said("is the room free", "房间空着吗"), Said("is it free", "空着吗")]
    lesson = Lesson.of(corpus, ["free"], composed, np.zeros((len(SENTENCES) + 3, 4), np.float16))
    rows = held_out(corpus.english)
    assert rows == held_out(corpus.english)
    assert len(set(rows)) == len(SENTENCES) // 10
    kept = {text for row in rows for text in (SENTENCES[row], f"译文{row}")}
    assert not kept & set(lesson.texts)
    assert set(lesson.held_out_texts) < kept
    assert {"is the room free", "房间空着吗", "is it free"} < set(lesson.texts)


def test_a_translation_that_another_sentence_was_taught_with_is_not_held_out() -> None:
    translations = [("hello", "你好"), ("hi", "你好"), ("bye", "再见"), ("bye", "拜拜"), ("thanks", "谢谢")]
    assert held_out_translations(translations, frozenset({"hello", "bye"})) == [("bye", "拜拜")]


def test_a_translation_of_two_held_out_sentences_counts_once() -> None:
    translations = [("see you", "再见"), ("bye", "再见")]
    assert held_out_translations(translations, frozenset({"see you", "bye"})) == [("bye", "再见")]


def test_likeness_is_told_of_held_out_sentences_only(texts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: set[str] = set()

    def vectors(some: Sequence[str]) -> Floats:
        asked.update(some)
        return at(*(int("".join(filter(str.isdigit, text))) for text in some))

    class Like:
        def embed(self, some: Sequence[str]) -> Floats:
            return vectors(some)

    monkeypatch.setattr(teacher, "Teacher", Like)
    monkeypatch.setattr(base, "base_encoder", lambda: vectors)
    lines = base.likeness_lines(argparse.Namespace(text=texts, count=5))
    assert [line.split()[-1] for line in lines[1:4]] == ["1.000", "1.000", "100.0%"]
    assert lines[0].startswith("5 of 6 held-out")
    assert "100.0%   (of 6 held-out pairs)" in lines[4]
    rows = held_out(SENTENCES)
    assert asked == {text for row in rows for text in (SENTENCES[row], f"{row}号还空着吗")}


@pytest.mark.parametrize(("count", "said"), [(2, "2 held-out sentences"), (0, "0 held-out sentences")])
def test_too_few_sentences_to_compare_are_an_error(count: int, said: str, texts: Path) -> None:
    with pytest.raises(FailedError, match=said):
        base.likeness_lines(argparse.Namespace(text=texts, count=count))


def test_a_folder_without_texts_is_named_without_a_traceback(tmp_path: Path) -> None:
    done = command("likeness", "--text", tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"base: {tmp_path}: no en-*.txt.gz there")


def test_the_questions_differ_and_half_of_them_are_chinese() -> None:
    asked = questions()
    assert len({text for _, text in asked}) == len(asked) == 200
    assert sum(any("一" <= letter <= "鿿" for letter in text) for _, text in asked) == 100
    assert {language for language, _ in asked} == {"en", "zh"}


def test_every_question_is_timed_by_itself_and_none_was_read_before() -> None:
    read: list[Sequence[str]] = []

    def encode(some: Sequence[str]) -> Floats:
        read.append(some)
        return at(0)

    assert len(timed(encode)) == 200
    assert all(len(one) == 1 for one in read)
    assert [text for (text,) in read[-200:]] == [text for _, text in questions()]
    assert not {text for (text,) in read[:-200]} & {text for (text,) in read[-200:]}


def test_the_base_is_timed_in_a_process_that_prints_its_times() -> None:
    done = command("speed", "--only", "base")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(json.loads(done.stdout)) == 200


def test_a_start_tells_whether_pytorch_was_loaded() -> None:
    found = cold(["--help"])
    assert not found.torch
    assert found.wall > 0
    assert found.megabytes is None or found.megabytes > 1


def test_a_start_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(FailedError, match="no model here"):
        cold(["ask", "--model", str(tmp_path / "nowhere"), "hello"])


def test_a_wheel_is_told_with_what_the_base_takes_of_it(tmp_path: Path) -> None:
    path = tmp_path / "some.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr("engine/base/base.safetensors", bytes(3_000_000))
        wheel.writestr("engine/base/tokenizer.json", bytes(1_000_000))
        wheel.writestr("engine/respond.py", bytes(2_000_000))
    rows = {line.split()[0]: line.split()[-2:] for line in base.wheel_lines(path)[1:]}
    assert rows["some.whl"] == [f"{path.stat().st_size / 1e6:.3f}", "6.000"]
    assert rows["engine/base/base.safetensors"][1] == "3.000"
    assert rows["engine/base/"][1] == "4.000"
    assert "engine/respond.py" not in rows
