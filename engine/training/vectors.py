"""Word vectors in the text format of word2vec, GloVe and fastText, as start values of piece embeddings.

A line is a word and its numbers with blanks between; a first line of two whole numbers, as word2vec and fastText write
it, is passed over. The file is read line by line, and of its words only those are kept that are pieces.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from engine.errors import KnowledgeError, Problem
from engine.seq2seq.model import Seq2Seq
from engine.text.tokenise import PieceTokenizer

Floats = NDArray[np.float32]
_SHOWN = 40  # characters of a word in a message


def lay_vectors(model: Seq2Seq, tokenizer: PieceTokenizer, path: Path) -> int:
    """Begin with the vectors of a file where a piece is a whole word; all other pieces stay as they are.

    Vectors wider than the embeddings are turned onto their main axes (principal components of those that are used);
    narrower ones leave the last columns as they are. They are scaled to the spread that ``initialise`` gives.

    Returns:
        How many pieces begin with a vector of the file.

    Raises:
        KnowledgeError: If the file is missing, holds no vector, or a line is no vector as wide as the first.
    """
    wanted = words_of(tokenizer)
    found = read_vectors(path, frozenset(wanted))
    rows = [(piece, found[word]) for word, pieces in wanted.items() if word in found for piece in pieces]
    if not rows:
        return 0
    values = _narrowed(np.stack([values for _, values in rows]), model.sizes.embedding)
    scaled = values / max(float(values.std()), 1e-8) * model.sizes.embedding**-0.5
    with torch.no_grad():
        places = torch.tensor([piece for piece, _ in rows])
        model.embedding.weight[places, : scaled.shape[1]] = torch.from_numpy(scaled)
    return len(rows)


def words_of(tokenizer: PieceTokenizer) -> dict[str, list[int]]:
    """The words that are pieces, with and without the blank before them, by what is left without it."""
    found: dict[str, list[int]] = {}
    for piece in range(tokenizer.size):
        word = tokenizer.decode([piece]).strip()
        if word and "\ufffd" not in word and not tokenizer.is_placeholder(piece):
            found.setdefault(word, []).append(piece)
    return found


def read_vectors(path: Path, wanted: frozenset[str]) -> dict[str, Floats]:
    """The vectors of some words; of a word that stands there twice, the first.

    Raises:
        KnowledgeError: If the file is missing, holds no vector, or a line is no vector as wide as the first.
    """
    found: dict[str, Floats] = {}
    width = 0
    for number, line in _lines(path):
        word, *values = line.rstrip().split(" ")
        if number == 1 and _is_header(word, values):
            continue
        width = width or len(values)
        if not width or len(values) != width:
            raise _wrong(path, number, f"{word[:_SHOWN]!r} has {len(values)} numbers, the vectors before it {width}")
        if word in wanted and word not in found:
            found[word] = _numbers(path, number, word, values)
    if not width:
        raise _wrong(path, 0, "no vector stands in it; a line is a word and its numbers, with blanks between")
    return found


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
            yield from ((number, line) for number, line in enumerate(file, 1) if line.strip())
    except OSError as error:
        raise _wrong(path, 0, f"it cannot be read: {error.strerror}") from error


def _is_header(word: str, values: list[str]) -> bool:
    return len(values) == 1 and word.isdecimal() and values[0].isdecimal()


def _numbers(path: Path, line: int, word: str, values: list[str]) -> Floats:
    try:
        found = np.asarray([float(value) for value in values], np.float32)
    except ValueError as error:
        raise _wrong(path, line, f"the vector of {word[:_SHOWN]!r} is not made of numbers: {error}") from error
    if not np.isfinite(found).all():
        raise _wrong(path, line, f"the vector of {word[:_SHOWN]!r} has a number that is infinite or none")
    return found


def _wrong(path: Path, line: int, message: str) -> KnowledgeError:
    return KnowledgeError([Problem(str(path), line, "", message)])


def _narrowed(values: Floats, width: int) -> Floats:
    """Vectors on at most ``width`` axes, those along which they differ most."""
    if values.shape[1] <= width:
        return values
    centred = values - values.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    return np.asarray(centred @ axes[:width].T, np.float32)
