"""What a run learns from: knowledge, sample conversations, and background questions that no FAQ answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from engine.errors import KnowledgeError, Problem
from engine.knowledge.entries import Knowledge
from engine.knowledge.table import Origins, read_rows
from engine.logs.conversation import LoggedConversation as LoggedConversation  # its users know it from here
from engine.logs.conversation import LoggedTurn as LoggedTurn
from engine.logs.source import Sources, read_sources
from engine.training.questions import Question, read_questions


@dataclass(frozen=True, slots=True)
class TrainingData:
    """All that a run learns from; ``warnings`` say what may be a mistake, ``origins`` where the texts stand."""

    knowledge: Knowledge
    conversations: tuple[LoggedConversation, ...] = ()
    background: tuple[str, ...] = ()
    validation: tuple[Question, ...] = ()
    warnings: tuple[Problem, ...] = ()
    origins: Origins = field(default_factory=Origins, repr=False, compare=False)


def sample(name: str) -> Path:
    """The path of a file of the sample that comes along, such as ``faq_en.csv``."""
    return Path(str(resources.files("engine.samples") / name))


def sample_sources() -> list[Path]:
    """The files of the sample that a training without sources learns from."""
    return [sample("faq_en.csv"), sample("faq_zh.csv"), sample("unanswered.csv"), sample("conversations.jsonl")]


def sample_validation() -> list[Path]:
    """The sample's validation questions, for a training on the sample."""
    return [sample("validation_questions.csv")]


def read_training_data(
    sources: Sequence[Path],
    *,
    validation: Sequence[Path] = (),
    locales: Sequence[str] = ("en", "zh"),
    formats: Mapping[Path, str] | None = None,
    known: Knowledge | None = None,
) -> TrainingData:
    """Read FAQs and logged conversations, each in any of ``engine.logs.detect.FORMATS``.

    Args:
        sources: FAQs and logs; the format of each is found by its content.
        validation: Tables of real questions with the id or the answer that is right, out of scope where both are empty;
            confidence and thresholds are fitted on them.
        locales: Languages to choose from for entries that do not name theirs.
        formats: The format of those sources whose content must not decide.
        known: What a model that is trained further knows: then logs alone are enough, and what is logged or asked
            for validation may name its entries.

    Raises:
        KnowledgeError: If anything in any file is wrong; holds every problem.
    """
    read = read_sources(sources, formats=formats, locales=locales, known=known)
    return gather_training_data(read, validation, known)


def gather_training_data(
    read: Sources, validation: Sequence[Path] = (), known: Knowledge | None = None
) -> TrainingData:
    """What sources that were read, and tables of real questions, come to; see ``read_training_data``.

    Raises:
        KnowledgeError: If anything in any file is wrong; holds every problem.
    """
    problems = [*(nothing_to_answer(read) if known is None else ()), *read.problems]
    every = read.knowledge if known is None else known.merged(read.knowledge)
    held_out: list[Question] = []
    for path in validation:
        try:
            held_out.extend(read_questions(path, every))
        except KnowledgeError as error:
            problems.extend(error.problems)
    if problems:
        raise KnowledgeError(problems)
    outside = (*background(), *read.knowledge.unanswered)
    return TrainingData(read.knowledge, read.conversations, outside, tuple(held_out), read.warnings, read.origins)


def nothing_to_answer(read: Sources) -> Iterator[Problem]:
    """What is wrong where sources hold no answer to any question."""
    names = ", ".join(str(source.path) for source in read.files) or "nothing"
    faqs = [source for source in read.files if source.teaches]
    if not faqs and all(source.format for source in read.files):
        yield Problem(names, 0, "", "no FAQ was named: a table (CSV or TSV), JSON, ChatterBot or Rasa is needed")
    elif faqs and not read.problems and not len(read.knowledge):
        faq = ", ".join(str(source.path) for source in faqs)
        yield Problem(faq, 0, "", "holds no entry: at least one question with its answer is needed")


def background() -> tuple[str, ...]:
    """Questions that no FAQ answers, in English and Chinese; they teach what out of scope looks like."""
    rows, _ = read_rows([sample("background.csv")], required=("question",))
    return tuple(row.get("question") for row in rows)
