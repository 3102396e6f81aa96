"""Word vectors in text format as the beginning of embeddings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import KnowledgeError
from engine.seq2seq.model import ModelSizes, Seq2Seq, initialise
from engine.text.tokenise import PieceTokenizer
from engine.training.vectors import lay_vectors, read_vectors, words_of

TOKENIZER = PieceTokenizer.train(["the money is back", "money back"] * 20, size=400)
WORDS = ("money", "back", "a", "nowhere")


def a_model(width: int = 4) -> Seq2Seq:
    torch.manual_seed(0)
    return initialise(Seq2Seq(ModelSizes(TOKENIZER.size, embedding=width, hidden=3, decoder=4), torch.tensor([2])))


def a_file(folder: Path, *lines: str) -> Path:
    path = folder / "vectors.txt"
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


numbers = st.lists(st.floats(-9, 9, width=32), min_size=3, max_size=3)
spoken = st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1, max_size=6)


@settings(deadline=None)
@given(st.dictionaries(spoken, numbers, min_size=1, max_size=8), st.booleans())
def test_vectors_come_back_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, vectors: dict[str, list[float]], header: bool
) -> None:
    lines = [f"{word} {' '.join(map(str, own))}" for word, own in vectors.items()]
    path = a_file(tmp_path_factory.mktemp("vectors"), *([f"{len(lines)} 3"] if header else []), *lines)
    found = read_vectors(path, frozenset(vectors))
    assert found.keys() == vectors.keys()
    assert all(np.allclose(found[word], own) for word, own in vectors.items())


def test_a_piece_that_is_a_word_begins_with_its_vector_with_and_without_a_blank(tmp_path: Path) -> None:
    path = a_file(tmp_path, "money 1 2 3 4", "nowhere 9 9 9 9", "back 4 -3 2 1")
    model = a_model()
    before = model.embedding.weight.detach().clone()
    count = lay_vectors(model, TOKENIZER, path)
    after = model.embedding.weight.detach()
    changed = {piece for piece in range(TOKENIZER.size) if not torch.equal(before[piece], after[piece])}
    assert changed == {piece for word in ("money", "back") for piece in words_of(TOKENIZER)[word]}
    assert count == len(changed) >= 2
    money, back = (after[words_of(TOKENIZER)[word][0]] for word in ("money", "back"))
    assert float(money @ back / money.norm() / back.norm()) == pytest.approx(8 / 30, rel=1e-4)
    assert float(after[sorted(changed)].std(correction=0)) == pytest.approx(4**-0.5, rel=0.05)


def test_wider_vectors_are_turned_onto_their_main_axes_and_narrower_ones_leave_the_rest(tmp_path: Path) -> None:
    lines = [f"{word} {' '.join(str(at * place % 7) for at in range(9))}" for place, word in enumerate(WORDS, 3)]
    wide, narrow = a_model(), a_model()
    assert lay_vectors(wide, TOKENIZER, a_file(tmp_path, *lines)) > 2
    assert bool(wide.embedding.weight.isfinite().all())
    before = narrow.embedding.weight.detach().clone()
    lay_vectors(narrow, TOKENIZER, a_file(tmp_path, "money 1 2", "back 3 4"))
    assert torch.equal(narrow.embedding.weight[:, 2:], before[:, 2:])


def test_a_file_without_a_word_that_is_a_piece_changes_nothing(tmp_path: Path) -> None:
    model = a_model()
    before = model.embedding.weight.detach().clone()
    assert lay_vectors(model, TOKENIZER, a_file(tmp_path, "2 3", "xyzzy 1 2 3", "plugh 1 2 3")) == 0
    assert torch.equal(before, model.embedding.weight)


@pytest.mark.parametrize(
    ("lines", "place", "message"),
    [
        (["money 1 2 3", "back 1 2"], 2, "'back' has 2 numbers, the vectors before it 3"),
        (["money 1 2 x"], 1, "not made of numbers"),
        (["money 1 nan 2"], 1, "infinite or none"),
        (["money 1 2", "back 1 inf"], 2, "infinite or none"),
        (["money"], 1, "has 0 numbers"),
        (["2 3"], 0, "no vector stands in it"),
        ([], 0, "no vector stands in it"),
        ([" ", ""], 0, "no vector stands in it"),
    ],
)
def test_what_is_no_vector_is_named_with_its_line(tmp_path: Path, lines: list[str], place: int, message: str) -> None:
    path, model = a_file(tmp_path, *lines), a_model()
    before = model.embedding.weight.detach().clone()
    with pytest.raises(KnowledgeError, match=message) as caught:
        lay_vectors(model, TOKENIZER, path)
    assert [(problem.file, problem.line) for problem in caught.value.problems] == [(str(path), place)]
    assert torch.equal(before, model.embedding.weight)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    for path in (tmp_path / "none.txt", tmp_path):
        with pytest.raises(KnowledgeError, match="cannot be read"):
            read_vectors(path, frozenset(WORDS))


@settings(deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_are_vectors_or_said_to_be_none(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("bytes") / "vectors.txt"
    path.write_bytes(content)
    try:
        found = read_vectors(path, frozenset(WORDS))
    except KnowledgeError:
        return
    assert set(found) <= set(WORDS)
