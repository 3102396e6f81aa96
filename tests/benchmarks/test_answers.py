"""The benchmark of questions and answers: its answers, what it counts as right, its network on a few questions."""

from __future__ import annotations

import csv
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some

from benchmarks import answers
from benchmarks.answers import BRIDGES, Chosen, Paper, Recipe, Task, contrast, judged, read, row_of, taught, voted
from benchmarks.datasets import DataError, Folders
from engine.base.base import shipped
from engine.knowledge.template import template
from engine.seq2seq.decode import Hypothesis
from engine.seq2seq.source import LONGEST_TEMPLATE
from engine.text.sentences import sentences
from engine.understand.sentence import SHARPNESS

torch.set_num_threads(1)

ROOT = Path(__file__).parents[2]
ASKED = {
    "card_arrival": ["where is my card", "my card is not here yet", "when does the card come", "card still missing"],
    "change_pin": ["how do I change the pin", "I want another pin", "set a new pin please", "pin change"],
    "exchange_rate": ["what is your rate", "which exchange rate do I get", "rate for euros", "tell me the rates"],
}
SMALL = Recipe(decoder=64, embedding=32, batch=6, epochs=30, dropout=0.1, written=1.0, contrast=0.0)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "banking77").mkdir()
    (tmp_path / "clinc150").mkdir()
    lines = [(text, intent) for intent, texts in ASKED.items() for text in texts]
    many = [(f"{text} {number}", intent) for text, intent in lines for number in "abcde"]
    for name, part in (("train", many), ("dev", lines)):
        write(tmp_path / f"banking77/{name}.csv", [("text", "category"), *part])
    for part in ("oos_train", "oos_val"):
        write(tmp_path / f"clinc150/{part}.csv", [("text", "intent"), ("how tall is a giraffe", "oos")])
    return tmp_path


def write(path: Path, lines: list[tuple[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(lines)


@pytest.fixture
def task(data: Path) -> Task:
    return read(Folders([data]), 1)


def test_every_answer_has_two_sentences_can_be_composed_and_is_unlike_all_others() -> None:
    with answers.ANSWERS.open(encoding="utf-8", newline="") as file:
        table = {row["intent"]: row["answer"] for row in csv.DictReader(file)}
    forms = [template(answer) for answer in table.values()]
    encode = shipped().tokenizer.encode
    assert len(table) == len(set(table.values())) == len({form.text for form in forms}) == 77
    assert all(form.whole and len(encode(form.text)) <= LONGEST_TEMPLATE for form in forms)
    assert {len(sentences(answer)) for answer in table.values()} == {2}
    assert any("https://" in answer for answer in table.values())
    assert any("£" in answer for answer in table.values())


def test_a_tenth_is_held_out_by_seed_and_nothing_is_on_both_sides(data: Path, task: Task) -> None:
    assert len(task.measured) == 6
    assert not set(task.measured) & set(task.learned)
    assert task == read(Folders([data]), 1) != read(Folders([data]), 2)
    assert [task.intents[place] for place in task.places(task.measured)] == [intent for _, intent in task.measured]


def test_an_intent_without_an_answer_is_named(data: Path) -> None:
    write(data / "banking77/dev.csv", [("text", "category"), ("who are you", "unheard_of")])
    with pytest.raises(DataError, match="no answer for unheard_of"):
        read(Folders([data]), 1)


def test_a_written_text_is_somebodys_answer_or_none(task: Task) -> None:
    paper = Paper.of(task.forms)

    def written(place: int, *, finished: bool = True, upto: int | None = None) -> Hypothesis:
        return Hypothesis(paper.targets[place][:-1][:upto], (-0.1,), finished)

    both = Hypothesis(paper.targets[0][:3] + paper.targets[1][3:-1], (-0.1,), True)
    texts = [written(0), written(2), both, written(1, upto=-1), written(1, finished=False), Hypothesis((), (), True)]
    assert judged(texts, paper.tokenizer, task.forms).tolist() == [0, 2, -1, -1, -1, -1]


@given(some.lists(some.tuples(some.integers(-1, 4), some.integers(0, 4), some.floats(0, 1)), min_size=1))
def test_exact_wrong_and_mixed_are_all_there_is(found: list[tuple[int, int, float]]) -> None:
    given_, right, sure = map(np.array, zip(*found, strict=True))
    row = row_of("row", given_, right, sure)
    assert row.exact + row.wrong + (row.mixed or 0.0) == pytest.approx(1)
    assert row.exact == pytest.approx(np.mean([one == other for one, other, _ in found]))


@pytest.mark.parametrize("bridge", BRIDGES)
def test_what_was_taught_is_written_and_its_worth_is_what_greedy_decoding_said(task: Task, bridge: str) -> None:
    writer = taught(task, replace(SMALL, bridge=bridge), 5.0, 1)
    texts = [text for text, _ in task.learned[:20]]
    written, chances = writer.write(texts)
    right = task.places(task.learned[:20])
    wrote = judged(written, writer.paper.tokenizer, task.forms)
    assert (wrote == right).mean() >= 0.8
    assert (chances.argmax(axis=1) == right).mean() >= 0.8
    assert chances.sum(axis=1) == pytest.approx(1)
    own = [at for at, place in enumerate(wrote) if place >= 0]
    worth = writer.worth([texts[at] for at in own], wrote[own][:, None])[:, 0]
    assert worth == pytest.approx([sum(written[at].log_probabilities) for at in own], abs=1e-3)


def test_the_base_stays_as_it_is_unless_it_is_tuned(task: Task) -> None:
    def layers(recipe: Recipe) -> torch.Tensor:
        return taught(task, recipe, 5.0, 1).network.encoder.forward_lstm.weight_hh_l0.detach()

    own = torch.from_numpy(shipped().weights["onward.weight_hh_l0"])
    short = replace(SMALL, epochs=1)
    assert torch.equal(layers(short), own)
    assert not torch.equal(layers(replace(short, tuned=True)), own)
    assert not torch.allclose(layers(replace(short, base=False)), own, atol=0.1)


def test_contrast_is_small_where_questions_of_an_intent_are_alike() -> None:
    along, across = torch.eye(2) * float(SHARPNESS)
    places = torch.tensor([0, 0, 1, 1])
    together = contrast(torch.stack([along, along, across, across]), places)
    apart = contrast(torch.stack([along, across, along, across]), places)
    assert float(together) == pytest.approx(math.log(1 + 2 * math.exp(-1 / 0.15)), abs=1e-4)
    assert float(apart) > float(together) + 5
    assert float(contrast(torch.stack([along, across]), torch.tensor([0, 1]))) == 0.0


class TwoMinds:
    """A generator that knows what each answer is worth."""

    def __init__(self, worth: dict[str, list[float]]) -> None:
        self._worth = worth

    def worth(self, texts: list[str], places: np.ndarray) -> np.ndarray:
        return np.array([[self._worth[text][place] for place in row] for text, row in zip(texts, places, strict=True)])


def undecided(task: Task, good: float, bad: float) -> tuple[Chosen, TwoMinds]:
    """An engine that always gives 45 % to the first of two intents, where the second is right half of the time."""
    first, second, _ = task.intents
    ranking = [(first, 0.45), (second, 0.40)]
    worth = {}
    for text, intent in (*task.measured, *task.looked_at):
        worth[text] = [good if one == intent else bad for one in task.intents]
    worth |= {text: [bad] * 3 for text in task.outside}
    parts = (task.measured, task.looked_at, task.outside)
    return Chosen(None, *([ranking for _ in part] for part in parts), 0.0), TwoMinds(worth)  # type: ignore[arg-type]


def of_two(task: Task) -> Task:
    known = task.intents[:2]
    inside = ([one for one in part if one[1] in known] for part in (task.looked_at, task.measured))
    return Task(task.intents, task.answers, task.learned, *inside, task.outside)


def test_a_vote_that_knows_better_is_heard(task: Task) -> None:
    task = of_two(task)
    row, weight = voted(task, *undecided(task, -1.0, -9.0))
    assert weight == 1.0
    assert row.exact == 1.0


def test_a_vote_that_knows_worse_is_not_heard(task: Task) -> None:
    task = of_two(task)
    row, weight = voted(task, *undecided(task, -9.0, -1.0))
    assert weight == 0.0
    assert row.exact == 0.5
    assert row.wrong == 0.5


@given(some.lists(some.floats(0.001, 0.19), min_size=5, max_size=5), some.lists(some.floats(-90, 0), min_size=5))
def test_without_weight_nothing_changes(given_: list[float], worth: list[float]) -> None:
    ballot = np.arange(5)[None], np.array([given_]), np.array([worth[:5]])
    assert answers._shares(ballot, 0.0)[0] == pytest.approx(given_)
    assert 0 <= answers._shares(ballot, 1.0).sum() <= 1 + 1e-9


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--data", ".", "--rows", "typist"], "typist is none of generator, engine"),
        (["--data", ".", "--recipe", '{"bridge": "london"}'], "bridge is pooled or states or chosen, not 'london'"),
        (["--data", ".", "--recipe", '{"written": 0}'], "written is a share above 0"),
        (["--data", ".", "--recipe", "7"], "it is a JSON object of base"),
        (["--data", ".", "--minutes", "0"], "0 is no number of minutes"),
    ],
)
def test_wrong_arguments_are_said(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["answers.py", *arguments])
    with pytest.raises(SystemExit, match="2"):
        answers.main()
    assert said in capsys.readouterr().err


def test_a_folder_without_the_files_is_said(tmp_path: Path) -> None:
    line = [sys.executable, str(ROOT / "benchmarks/answers.py"), "--data", str(tmp_path)]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("answers: ")
    assert "banking77/train.csv is not in" in done.stderr
    assert "Traceback" not in done.stderr
