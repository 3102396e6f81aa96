"""Public data sets as trials: what a row of a table learns from, and the questions with which it is measured.

Every trial is drawn from files below one or several folders. Where a folder holds a test file, that is the measured
part and the split for developing is left alone, so that the same table can be printed of texts nobody has tuned to.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

FEW_SHOT: Mapping[str, tuple[int, ...]] = {"banking77": (5, 10, 30), "bitext": (10,)}
"""How many examples a label the few-shot trials of a set have."""

BOTS = ("curekart", "sofmattress", "powerplay11")
ALIKE = (
    {"CHAT_WITH_AGENT", "CHAT_WITH_AN_AGENT", "LEAD_GEN", "CALL_CENTER", "CONTACT_NUMBER"},
    {"DELAY_IN_PARCEL", "DELAY_IN_DELIVERY", "ORDER_STATUS"},
    {"REFUNDS_RETURNS_REPLACEMENTS", "RETURN_EXCHANGE"},
    {"FRANCHISE", "DISTRIBUTORS", "STORE_INFORMATION"},
    {"MODES_OF_PAYMENTS", "COD", "EMI"},
    {"REFER_EARN", "OFFERS_AND_REFERRALS", "OFFERS"},
)
"""Labels of different bots of hint3 that the same question may have."""

Pairs = list[tuple[str, str]]
"""Texts with their labels."""


class DataError(Exception):
    """A file is missing or not what it should be; says which and what was expected."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What a row learns from: ``texts`` with ``labels`` of the same length.

    ``outside`` are texts that no label covers, ``answers`` the answer of a label where the set has one, ``language`` is
    ``en`` or ``zh``.
    """

    texts: tuple[str, ...]
    labels: tuple[str, ...]
    outside: tuple[str, ...] = ()
    answers: Mapping[str, str] = field(default_factory=dict)
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and the labels that are right for it; none: it is out of scope."""

    text: str
    right: frozenset[str]


@dataclass(frozen=True, slots=True)
class Trial:
    """One table: the same for every row.

    ``retrieval`` trials are judged by whole rankings too, ``note`` says in one sentence how the parts were made.
    """

    name: str
    stored: Stored
    asked: tuple[Asked, ...]
    retrieval: bool
    note: str


class Folders:
    """Finds files by their path inside any of some folders; the first that has it counts.

    Raises:
        DataError: If one of them is no folder.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        for folder in folders:
            if not folder.is_dir():
                raise DataError(f"{folder}: is no folder; --data names the folder that holds banking77/, clinc150/ …")
        self._folders = tuple(folders)

    def find(self, *names: str) -> Path | None:
        """The first file that there is; names in order of preference."""
        paths = (folder / name for name in names for folder in self._folders)
        return next((path for path in paths if path.is_file()), None)

    def need(self, *names: str) -> Path:
        """The first file that there is.

        Raises:
            DataError: If there is none.
        """
        path = self.find(*names)
        if path is None:
            places = ", ".join(map(str, self._folders))
            raise DataError(f"{' or '.join(names)} is not in {places}")
        return path


def rows(path: Path, *columns: str) -> list[tuple[str, ...]]:
    """The named columns of a CSV file with a header, cells without blanks around them.

    Raises:
        DataError: If a column is missing, a row is short, the file is empty or no UTF-8 CSV.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [column for column in columns if column not in (reader.fieldnames or ())]
            if missing:
                raise DataError(f"{path}: no column {', '.join(missing)}; there are {reader.fieldnames}")
            found = [tuple(row[column] for column in columns) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: is no UTF-8 CSV file: {error}") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    if not found:
        raise DataError(f"{path}: has no rows")
    for number, row in enumerate(found, 1):
        if None in row:
            raise DataError(f"{path}: record {number} is short; expected {', '.join(columns)}")
    return [tuple(cell.strip() for cell in row) for row in found]


def pairs(path: Path, text: str, label: str) -> Pairs:
    """Texts and labels of a CSV file.

    Raises:
        DataError: As ``rows`` does.
    """
    return [(one, other) for one, other in rows(path, text, label)]


def hold_out(examples: Iterable[tuple[str, str]], share: float, seed: int) -> tuple[Pairs, Pairs]:
    """The same share of every label for measuring, the rest for learning; a label of one or two keeps them all."""
    kept: Pairs = []
    held_out: Pairs = []
    for label, texts in _shuffled(examples, seed):
        size = round(len(texts) * share)
        held_out.extend((text, label) for text in texts[:size])
        kept.extend((text, label) for text in texts[size:])
    return kept, held_out


def few(examples: Iterable[tuple[str, str]], count: int, seed: int) -> Pairs:
    """At most ``count`` texts of every label, drawn by ``seed``."""
    return [(text, label) for label, texts in _shuffled(examples, seed) for text in texts[:count]]


def _shuffled(examples: Iterable[tuple[str, str]], seed: int) -> Iterator[tuple[str, list[str]]]:
    groups: dict[str, list[str]] = {}
    for text, label in examples:
        groups.setdefault(label, []).append(text)
    for label, texts in sorted(groups.items()):
        random.Random(f"{seed} {label}").shuffle(texts)
        yield label, texts


def _stored(examples: Pairs, outside: Iterable[str] = ()) -> Stored:
    return Stored(tuple(text for text, _ in examples), tuple(label for _, label in examples), tuple(outside))


def _asked(stored: Stored, examples: Pairs, outside: Iterable[str] = ()) -> tuple[Asked, ...]:
    """Questions in scope and out of it; a label that nothing is stored for is out of scope."""
    known = frozenset(stored.labels)
    inside = [Asked(text, frozenset([label]) & known) for text, label in examples]
    return (*inside, *(Asked(text, frozenset()) for text in outside))


def _banking77(folders: Folders, seed: int, *, count: int = 0) -> Trial:
    examples = pairs(folders.need("banking77/train.csv"), "text", "category")
    measured = folders.need("banking77/test.csv", "banking77/dev.csv")
    stored = _stored(few(examples, count, seed) if count else examples)
    part = f"{count} examples an intent" if count else "all of train.csv"
    note = f"{part}, measured on {measured.name}"
    name = f"banking77/{count}" if count else "banking77"
    return Trial(name, stored, _asked(stored, pairs(measured, "text", "category")), False, note)


def _clinc150(folders: Folders, _seed: int) -> Trial:
    outside = [text for text, _ in pairs(folders.need("clinc150/oos_train.csv"), "text", "intent")]
    stored = _stored(pairs(folders.need("clinc150/train.csv"), "text", "intent"), outside)
    measured = folders.need("clinc150/test.csv", "clinc150/val.csv")
    beyond = folders.need("clinc150/oos_test.csv", "clinc150/oos_val.csv")
    asked = _asked(stored, pairs(measured, "text", "intent"), (text for text, _ in pairs(beyond, "text", "intent")))
    return Trial("clinc150", stored, asked, False, f"all of train.csv, measured on {measured.name} and {beyond.name}")


def _hint3(folders: Folders, seed: int, *, bot: str) -> Trial:
    examples = pairs(folders.need(f"hint3/{bot}_train.csv"), "text", "intent")
    test = folders.find(f"hint3/{bot}_test.csv")
    if test is not None:
        stored = _stored(examples)
        asked = _asked(stored, pairs(test, "text", "intent"))
        if any(not one.right for one in asked):
            note = f"measured on {test.name}; out of scope: its questions with a label that the training file lacks"
            return Trial(f"hint3/{bot}", stored, asked, False, note)
        measured, source = pairs(test, "text", "intent"), test.name
    else:
        examples, measured = hold_out(examples, 0.25, seed)
        source = "a quarter of the training file, held out by seed"
    stored = _stored(examples)
    outside = _other_bots(folders, bot, seed, frozenset(stored.labels))
    note = (
        f"measured on {source}; the set's own out-of-scope questions are not in the folder: a quarter of the other two "
        "bots' stands for them, without labels that this bot has too"
    )
    return Trial(f"hint3/{bot}", stored, _asked(stored, measured, outside), False, note)


def _other_bots(folders: Folders, bot: str, seed: int, labels: frozenset[str]) -> list[str]:
    """A quarter of the questions of the other bots, less those that one of these labels may cover."""
    covered = labels.union(*(group for group in ALIKE if group & labels))
    found: list[str] = []
    for other in BOTS:
        if other != bot:
            examples = pairs(folders.need(f"hint3/{other}_train.csv"), "text", "intent")
            found.extend(text for text, label in hold_out(examples, 0.25, seed)[1] if label not in covered)
    return found


def _bitext(folders: Folders, seed: int, *, count: int = 0) -> Trial:
    examples = pairs(folders.need("bitext/train.csv"), "text", "intent")
    test = folders.find("bitext/test.csv")
    measured = pairs(test, "text", "intent") if test is not None else []
    source = test.name if test is not None else "a fifth of train.csv, held out by seed"
    if test is None:
        examples, measured = hold_out(examples, 0.2, seed)
    stored = _stored(few(examples, count, seed) if count else examples)
    part = f"{count} examples an intent" if count else "all of the training part"
    name = f"bitext/{count}" if count else "bitext"
    return Trial(name, stored, _asked(stored, measured), False, f"{part}, measured on {source}")


def _faq(folders: Folders, _seed: int, *, name: str, language: str) -> Trial:
    bank = rows(folders.need(f"{name}/faq.csv"), "id", "question", "answer")
    measured = folders.need(f"{name}/queries_test.csv", f"{name}/test.csv", f"{name}/queries.csv")
    ids, questions, texts = zip(*bank, strict=True)
    stored = Stored(questions, ids, answers=dict(zip(ids, texts, strict=True)), language=language)
    asked = tuple(Asked(text, frozenset(right.split())) for text, right in rows(measured, "query", "relevant"))
    unknown = sorted(frozenset().union(*(one.right for one in asked)) - set(ids))
    if unknown:
        raise DataError(f"{measured}: {', '.join(unknown[:3])} should be among the ids of faq.csv")
    note = f"nothing is trained on queries: faq.csv is the knowledge, {measured.name} is asked"
    return Trial(name, stored, asked, True, note)


def _zh_bank(folders: Folders, seed: int, *, cold: bool = False) -> Trial:
    names = ("zh_bank/paraphrases_test.csv", "zh_bank/test.csv", "zh_bank/paraphrases.csv")
    measured = folders.need(*names)
    table = rows(measured, "id", "question", "paraphrase")
    examples = list(dict.fromkeys((question, group) for group, question, _ in table))
    asked: Pairs = []
    for group, others in _shuffled(((other, group) for group, _, other in table), seed):
        half = len(others) // 2
        examples.extend((text, group) for text in others[: 0 if cold else half])
        asked.extend((text, group) for text in others[half:])
    texts, labels = zip(*examples, strict=True)
    stored = Stored(texts, labels, language="zh")
    part = "the question alone" if cold else "the question and half of its other wordings"
    note = f"groups of {measured.name}: {part} stored, the other half of the wordings asked"
    return Trial("zh_bank/cold" if cold else "zh_bank", stored, _asked(stored, asked), True, note)


TRIALS: Mapping[str, Callable[[Folders, int], Trial]] = {
    "banking77": _banking77,
    **{f"banking77/{count}": partial(_banking77, count=count) for count in FEW_SHOT["banking77"]},
    "clinc150": _clinc150,
    **{f"hint3/{bot}": partial(_hint3, bot=bot) for bot in BOTS},
    "bitext": _bitext,
    **{f"bitext/{count}": partial(_bitext, count=count) for count in FEW_SHOT["bitext"]},
    "covidfaq": partial(_faq, name="covidfaq", language="en"),
    "zh_insurance_faq": partial(_faq, name="zh_insurance_faq", language="zh"),
    "zh_bank": _zh_bank,
    "zh_bank/cold": partial(_zh_bank, cold=True),
}
"""Trials by name, each made from folders and a seed."""

DRAWN = tuple(f"{name}/{count}" for name, counts in FEW_SHOT.items() for count in counts)
"""Trials whose few examples are drawn by seed: another seed, another figure."""


def trial(name: str, folders: Folders, seed: int) -> Trial:
    """The trial of a name of ``TRIALS``.

    Raises:
        DataError: If a file is missing or wrong, or nothing in scope is left to ask.
    """
    made = TRIALS[name](folders, seed)
    if not any(one.right for one in made.asked):
        raise DataError(f"{name}: no question is in scope, so nothing can be measured; the files are too small")
    return made
