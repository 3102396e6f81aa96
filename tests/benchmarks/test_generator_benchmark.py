"""The benchmark of the composing network on a language of a few words, and what it says of wrong arguments."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some

from benchmarks import generator
from benchmarks import generator_runs as runs
from benchmarks.datasets import DataError, Folders
from benchmarks.generator import read, samples
from benchmarks.generator_peers import Job, joeynmt_configuration, opennmt_arguments
from benchmarks.generator_runs import Corpus, PeerFailedError, Recipe, Row, own

torch.set_num_threads(1)

ROOT = Path(__file__).parents[2]
WORDS = {"ein": "a", "hund": "dog", "rennt": "runs", "katze": "cat", "sitzt": "sits", "und": "and"}
SOURCES = [
    f"{one} {other} {verb}" for one in ("ein", "und") for other in ("hund", "katze") for verb in ("rennt", "sitzt")
]
RECIPE = Recipe(embedding=16, hidden=8, decoder=16, room=40, dropout=0.0)
JOB = Job(60, 16, 8, 16, 20, 1e-3, 0.1, 0.1, 1)


def translation(text: str) -> str:
    return " ".join(WORDS[word] for word in text.split())


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "multi30k"
    folder.mkdir()
    for part in ("train", "val"):
        (folder / f"{part}.de").write_text("".join(f"{text}\n" for text in SOURCES), "utf-8")
        (folder / f"{part}.en").write_text("".join(f"{translation(text)}\n" for text in SOURCES), "utf-8")
    return tmp_path


@pytest.fixture
def corpus(data: Path) -> Corpus:
    return read(Folders([data]), "multi30k")


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, str(ROOT / "benchmarks/generator.py"), *map(str, arguments)]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)


def test_both_sides_are_read_in_pieces_and_targets_end(corpus: Corpus) -> None:
    marks = corpus.tokenizer
    assert [marks.decode(pair.source) for pair in corpus.pairs] == corpus.source_texts == SOURCES
    assert [marks.decode(pair.target) for pair in corpus.pairs] == corpus.references
    assert all(pair.target[-1] == marks.end for pair in corpus.pairs)


def test_sides_of_different_length_are_no_translations(data: Path) -> None:
    (data / "multi30k/train.en").write_text("a dog\n", "utf-8")
    with pytest.raises(DataError, match=r"has 8 lines and .* has 1;"):
        read(Folders([data]), "multi30k")


def test_our_row_trains_for_its_time_counts_what_it_is_shown_and_writes_every_source(corpus: Corpus) -> None:
    row, _ = own(corpus, RECIPE, 1.0, 1, write=True)
    assert row.seconds >= 0.5
    assert row.steps > 2
    assert row.pieces >= row.steps
    assert row.speed == pytest.approx(row.pieces / row.seconds)
    assert len(row.written) == len(SOURCES)


def test_what_was_taught_long_enough_is_translated(corpus: Corpus) -> None:
    network = runs.network(corpus, RECIPE, 1)
    runs.taught(network, corpus, replace(RECIPE, rate=1e-2), 200, runs.Clock(float("inf")), 1)
    assert runs.written(network, corpus, RECIPE) == corpus.references
    assert runs.perplexity(network, corpus) < 1.2


def test_samples_are_drawn_by_seed_and_show_every_row(corpus: Corpus) -> None:
    rows = [Row(name, 1, 1, 1.0, 1, [f"{name} {at}" for at in range(8)]) for name in ("attendant", "joeynmt")]
    lines = samples(corpus, rows, 1)
    assert lines == samples(corpus, rows, 1) != samples(corpus, rows, 2)
    assert sum(line.startswith("joeynmt") for line in lines) == generator.SHOWN


@given(some.lists(some.integers(0, 9999)), some.text(max_size=9))
def test_pieces_survive_the_journey_through_a_peer_and_strange_words_are_left_out(
    pieces: list[int], strange: str
) -> None:
    assert runs._back(" ".join(f"p{piece}" for piece in pieces)) == pieces
    assert runs._back("<unk> pq p p1x") == []
    assert all(piece >= 0 for piece in runs._back(strange))


def test_a_peer_is_given_the_same_pieces_and_its_job(corpus: Corpus, tmp_path: Path) -> None:
    folder = tmp_path / "job"
    folder.mkdir()
    runs._lay_out(corpus, JOB, folder)
    assert json.loads((folder / "job.json").read_bytes()) == asdict(JOB)
    lines = (folder / "train.trg").read_text("utf-8").splitlines()
    assert [runs._back(line) for line in lines] == [list(pair.target[:-1]) for pair in corpus.pairs]


def test_peers_get_the_sizes_of_the_job(tmp_path: Path) -> None:
    model = joeynmt_configuration(JOB, tmp_path, tmp_path)["model"]
    assert (model["encoder"]["hidden_size"], model["decoder"]["hidden_size"]) == (8, 16)
    line = opennmt_arguments(JOB, tmp_path)
    assert line[line.index("--dec_hid_size") + 1] == "16"
    assert line[line.index("--word_vec_size") + 1] == "16"


def test_a_peer_that_is_not_there_is_said_with_its_own_words(corpus: Corpus) -> None:
    run = runs.Run(corpus, RECIPE, sys.executable, 1e-3, 1)
    with pytest.raises(PeerFailedError, match="joeynmt ended with 1"):
        run.train("joeynmt", 1.0, write=False)


def test_a_wrong_peer_and_missing_data_are_said_in_one_line(tmp_path: Path) -> None:
    wrong = command("--data", tmp_path, "--peers", "marian")
    assert (wrong.returncode, wrong.stderr) == (2, "generator: marian is none of joeynmt, opennmt\n")
    recipe = command("--data", tmp_path, "--recipe", '{"layers": 3}')
    assert recipe.returncode == 2
    assert "it is a JSON object of layout, embedding" in recipe.stderr
    missing = command("--data", tmp_path, "--speed", "0")
    assert missing.returncode == 1
    assert missing.stderr.startswith("generator: ")
    assert missing.stderr.count("\n") == 1
