"""What each kind of memory brings: the agent's next answer among 20, with and without what was said before.

    python benchmarks/memory.py --data FOLDER [--sets sgd,crosswoz] [--ways separate,one] [--rows none,all,…]
                                [--conversations 2000] [--curve 50,200,800] [--seed 1] [--cache FOLDER] [--json FILE]

Every message of a customer that an agent answered is a question; the answer has to be found among 19 others of the same
set: drawn from all agents' turns ("any"), and from those given while the same service was talked about ("same"), which
is harder. Recall@1 is the share of questions whose answer comes first, MRR the mean of one through its place; of equal
scores the right answer counts as the last.

Kinds of memory: ``topics`` are what was answered before, the last five, each as the vector of the message and its
answer together, as the product has that of an entry's questions and answer; ``slots`` are the values known with this
message, from the set's own state, so as a faultless tagger would know them; ``state`` is that of a recurrent network
over all turns before; ``last`` is the agent's last turn verbatim. No label of the answer is looked at. Texts are as
they were written.

``separate`` trains a network for every row, with the kinds of memory of that row alone; ``one`` trains a single network
in which kinds are left out at random, and takes kinds away only when it is asked. sgd: of
``train.jsonl.gz`` a part by seed is learned, another one ends training, all of ``dev.jsonl`` is asked. crosswoz: a
third of the conversations by seed is asked, a tenth ends training, the rest is learned. The brackets hold the 95 %
interval of the difference, by drawing conversations anew (paired bootstrap).
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import random
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, not as a module

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.datasets import DataError, Folders
from benchmarks.understanding import chosen, machine
from engine.base.base import BaseEncoder, shipped
from engine.dialogue import Speaker
from engine.memory import TOPIC_DEPTH
from engine.training.conversation import ConversationsTrainer, MemoryNetwork, Pace, Question, Told, encoder_of
from engine.training.running import Running
from engine.understand.conversation import KINDS, Context, ConversationEncoder, of_slots, of_topics, unit
from engine.understand.conversation_head import ALWAYS
from engine.understand.slots import SlotFinder

Floats = NDArray[np.float32]

SETS = ("sgd", "crosswoz")
WAYS = ("separate", "one")
BY_DEFAULT = "by default"
ROWS: Mapping[str, tuple[str, ...]] = {
    "none": (),
    **{kind: (kind,) for kind in KINDS},
    BY_DEFAULT: ALWAYS,
    "all": KINDS,
    **{f"all but {kind}": tuple(other for other in KINDS if other != kind) for kind in KINDS},
}
OTHERS = 19
DRAWS = ("any", "same")
_STOPPING = 0.1
_ASKED = 1 / 3  # of the conversations of a set that has no file of its own to ask
_FORGETTING = 0.5  # of the messages, where one network has to do without any kind of memory
_RESAMPLED = 1000


@dataclass(frozen=True, slots=True)
class Message:
    """A question as it was written: its place, those of the questions before it that are remembered as topics, slots
    by then, and the service it is about.
    """

    place: int
    topics: tuple[int, ...]
    slots: tuple[tuple[str, str], ...]
    service: str


@dataclass(frozen=True, slots=True)
class Spoken:
    """A conversation as it was written."""

    texts: tuple[str, ...]
    speakers: tuple[Speaker, ...]
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Parts:
    """A set: what is learned, what ends training, and what is asked."""

    name: str
    learned: tuple[Spoken, ...]
    stopping: tuple[Spoken, ...]
    asked: tuple[Spoken, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """A question: which conversation and message of those asked, and its candidates, the right answer first, as numbers
    of agents' turns; by draw.
    """

    conversation: int
    message: int
    candidates: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Result:
    """The place of the right answer for every trial, from 1 on, by draw; and what the training took."""

    places: Mapping[str, NDArray[np.int64]]
    seconds: float
    epochs: int

    def recall(self, draw: str) -> float:
        """Share of trials whose right answer came first."""
        return float((self.places[draw] == 1).mean())

    def reciprocal(self, draw: str) -> float:
        """Mean of one through the place."""
        return float((1 / self.places[draw]).mean())

    def to_json(self) -> dict[str, Any]:
        """The figures as plain data."""
        figures = {f"recall_{draw}": round(self.recall(draw), 4) for draw in DRAWS}
        figures |= {f"mrr_{draw}": round(self.reciprocal(draw), 4) for draw in DRAWS}
        return {**figures, "training_seconds": round(self.seconds, 1), "epochs": self.epochs}


def read(path: Path) -> list[Spoken]:
    """The conversations of a file.

    Raises:
        DataError: If it is no file of conversations.
    """
    found = []
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                found.append(spoken(json.loads(line)["turns"]))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise DataError(f"{path}, line {number}: no conversation with turns: {error!r}") from error
    if not any(one.messages for one in found):
        raise DataError(f"{path}: no message of a customer that an agent answers")
    return found


def spoken(turns: Sequence[Mapping[str, Any]]) -> Spoken:
    """A conversation with what is known at each of the customer's messages."""
    texts = tuple(str(turn["text"]) for turn in turns)
    speakers = tuple(Speaker(turn["role"]) for turn in turns)
    messages: list[Message] = []
    services: tuple[str, ...] = ()
    known: dict[str, str] = {}
    for place, turn in enumerate(turns):
        if speakers[place] is not Speaker.CUSTOMER:
            continue
        now = {str(name): str(value) for name, value in (turn.get("slots") or {}).items() if value}
        new = dict.fromkeys(name.partition(".")[0] for name in now if known.get(name) != now[name])
        services, known = (*(one for one in services if one not in new), *new), now
        if place + 1 < len(turns) and speakers[place + 1] is not Speaker.CUSTOMER:
            topics = tuple(message.place for message in messages[-TOPIC_DEPTH:])
            messages.append(Message(place, topics, tuple(now.items()), services[-1] if services else ""))
    first = next((message.service for message in messages if message.service), "")
    return Spoken(texts, speakers, tuple(replace(one, service=one.service or first) for one in messages))


def parts(folders: Folders, name: str, *, conversations: int, seed: int) -> Parts:
    """The parts of a set, by seed.

    Raises:
        DataError: If a file is missing or not what it should be.
    """
    chance = random.Random(seed)
    if name == "sgd":
        found = read(folders.need("sgd/train.jsonl.gz"))
        chance.shuffle(found)
        found, asked = found[:conversations], read(folders.need("sgd/dev.jsonl"))
    else:
        found = read(folders.need("crosswoz/train.jsonl"))
        chance.shuffle(found)
        kept = round(_ASKED * len(found))
        asked, found = found[:kept], found[kept : kept + conversations]
    stopping = max(1, round(_STOPPING * len(found)))
    return Parts(name, tuple(found[stopping:]), tuple(found[:stopping]), tuple(asked))


def trials(asked: Sequence[Spoken], *, seed: int) -> tuple[list[Trial], list[str]]:
    """The questions with their candidates, and the agents' turns that the candidates are numbers of."""
    chance = random.Random(seed)
    answers = [(one.texts[message.place + 1], message.service) for one in asked for message in one.messages]
    pools: dict[str, list[int]] = {}
    for number, (_, service) in enumerate(answers):
        pools.setdefault(service, []).append(number)
    every = range(len(answers))
    found: list[Trial] = []
    places = [(at, own) for at, one in enumerate(asked) for own in range(len(one.messages))]
    for number, (at, own) in enumerate(places):
        text, service = answers[number]
        drawn = {
            draw: _others(text, pool, answers, chance)
            for draw, pool in zip(DRAWS, (every, pools[service]), strict=True)
        }
        found.append(Trial(at, own, {draw: (number, *others) for draw, others in drawn.items()}))
    return found, [text for text, _ in answers]


def _others(text: str, pool: Sequence[int], answers: Sequence[tuple[str, str]], chance: random.Random) -> list[int]:
    """Other turns with other texts, of each text one; fewer than ``OTHERS`` where there are not as many."""
    seen = {text.casefold()}
    found: list[int] = []
    for number in chance.sample(pool, len(pool)) if len(pool) < 4 * OTHERS else _drawn(pool, chance):
        said = answers[number][0].casefold()
        if said not in seen:
            seen.add(said)
            found.append(number)
            if len(found) == OTHERS:
                break
    return found


def _drawn(pool: Sequence[int], chance: random.Random) -> Iterator[int]:
    for _ in range(50 * OTHERS):
        yield pool[chance.randrange(len(pool))]


class Vectors:
    """Vectors of the base for texts, each read once; kept in a folder where there is one."""

    def __init__(self, cache: Path | None) -> None:
        self._encoder = BaseEncoder(shipped(), SlotFinder())
        self._cache = cache
        self._known: dict[str, Floats] = {}

    def learn(self, texts: Iterable[str]) -> None:
        """Read texts that are not known yet."""
        new = sorted({text for text in texts if text not in self._known})
        if not new:
            return
        named = hashlib.sha256("\0".join(new).encode()).hexdigest()[:24]
        path = self._cache and self._cache / f"{named}.npy"
        if path is not None and path.is_file():
            values = np.load(path)
        else:
            values = self._encoder.vectors(new)
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                np.save(path, values)
        self._known.update(zip(new, values, strict=True))

    def of(self, texts: Sequence[str]) -> Floats:
        """Vectors of texts that are known. Shape: (texts, V)."""
        return np.stack([self._known[text] for text in texts])

    def told(self, one: Spoken) -> Told:
        """A conversation as it is taught."""
        vectors, questions = self.of(one.texts), []
        for message in one.messages:
            topics = [unit(vectors[place] + vectors[place + 1]) for place in message.topics]
            slots = self.of([_slot(*slot) for slot in message.slots]) if message.slots else ()
            questions.append(Question(message.place, of_topics(topics), of_slots(list(slots))))
        return Told(vectors, one.speakers, tuple(questions))


def texts_of(conversations: Iterable[Spoken]) -> Iterator[str]:
    """All texts of which vectors are wanted."""
    for one in conversations:
        yield from one.texts
        for message in one.messages:
            yield from (_slot(*slot) for slot in message.slots)


def words(name: str) -> str:
    """The name of a slot or service as words: ``Restaurants_1.party_size`` says "party size"."""
    last = re.sub(r"_\d+$", "", name.rpartition(".")[2])
    return re.sub(r"(?<=[a-z])(?=[A-Z])|[._]+", " ", last).casefold()


def _slot(name: str, value: str) -> str:
    return f"{words(name)} {value}"


@dataclass(frozen=True, slots=True)
class _Trained:
    """A network, the processor's seconds that its training took, and its epochs."""

    encoder: ConversationEncoder
    seconds: float
    epochs: int


def trained(
    learned: Sequence[Told],
    stopping: Sequence[Told],
    kinds: Sequence[str],
    options: argparse.Namespace,
    *,
    forgetting: float = 0.0,
) -> _Trained:
    """A network with some kinds of memory, taught."""
    torch.manual_seed(options.seed)
    started = time.process_time()
    network = MemoryNetwork(learned[0].vectors.shape[1], kinds=kinds)
    deadline = time.monotonic() + 60 * options.minutes
    pace = Pace(options.epochs, deadline, forgetting=forgetting)
    outcome = ConversationsTrainer(network, seed=options.seed).fit(learned, stopping, pace, Running())
    return _Trained(encoder_of(network), time.process_time() - started, outcome.epochs)


def places(
    encoder: ConversationEncoder,
    known: Sequence[Sequence[Context]],
    of: Sequence[Trial],
    answers: Floats,
    kinds: Sequence[str],
) -> dict[str, NDArray[np.int64]]:
    """Where the right answers come, by draw, with some kinds of memory.

    Args:
        encoder: The network.
        known: All that is known at each question of each conversation, see ``contexts_of``.
        of: The questions.
        answers: Vectors of the agents' turns. Shape: (turns, V).
        kinds: The kinds of memory that are used.
    """
    projected = encoder.answers(answers)
    found: dict[str, list[int]] = {draw: [] for draw in DRAWS}
    for trial in of:
        context = encoder.context(known[trial.conversation][trial.message].only(kinds))
        for draw in DRAWS:
            scores = projected[list(trial.candidates[draw])] @ context
            found[draw].append(int((scores >= scores[0]).sum()))
    return {draw: np.asarray(values, np.int64) for draw, values in found.items()}


def contexts_of(encoder: ConversationEncoder, one: Told) -> list[Context]:
    """All that is known at each question; the state is written and read again after every turn, as at work."""
    states = [encoder.begin()]
    for vector, speaker in zip(one.vectors, one.speakers, strict=True):
        states.append(encoder.read(encoder.payload(encoder.step(states[-1], vector, speaker))))
    return [one.context(question, states[question.place]) for question in one.questions]


def interval(
    first: NDArray[np.int64], second: NDArray[np.int64], of: Sequence[Trial], *, seed: int
) -> tuple[float, float]:
    """95 % interval of what ``first`` has more in recall@1 than ``second``, in points; conversations are drawn anew."""
    owners = np.asarray([trial.conversation for trial in of])
    gains = np.bincount(owners, (first == 1).astype(float) - (second == 1))
    sizes = np.bincount(owners)
    chance = np.random.default_rng(seed)
    drawn = chance.integers(len(gains), size=(_RESAMPLED, len(gains)))
    low, high = np.quantile(gains[drawn].sum(axis=1) / np.maximum(sizes[drawn].sum(axis=1), 1), (0.025, 0.975))
    return 100 * float(low), 100 * float(high)


def main() -> int:
    """Print a table for every set and way."""
    parser = _parser()
    options = parser.parse_args()
    try:
        folders = Folders(options.data)
        sets = chosen(options.sets, SETS, "set")
        ways = chosen(options.ways, WAYS, "way")
        rows = chosen(options.rows, ROWS, "row")
        if options.json is not None:
            options.json.touch()
        vectors = Vectors(options.cache)
        whole: dict[str, Any] = {"machine": machine(), "seed": options.seed, "sets": {}}
        for name in sets:
            facts = whole["sets"][name] = {}
            made = parts(folders, name, conversations=options.conversations, seed=options.seed)
            for title, figures in _set(made, vectors, ways, rows, options):
                facts[title] = figures
                if options.json is not None:
                    options.json.write_text(json.dumps(whole, indent=1), "utf-8")
    except (DataError, ValueError, OSError) as error:
        parser.error(str(error))
    return 0


def _set(
    of: Parts,
    vectors: Vectors,
    ways: Sequence[str],
    rows: Sequence[str],
    options: argparse.Namespace,
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The tables of a set."""
    started = time.process_time()
    vectors.learn(texts_of((*of.learned, *of.stopping, *of.asked)))
    asked, answers = trials(of.asked, seed=options.seed)
    learned, stopping, told = (list(map(vectors.told, part)) for part in (of.learned, of.stopping, of.asked))
    projected = vectors.of(answers)
    few = {draw: sum(len(trial.candidates[draw]) <= OTHERS for trial in asked) for draw in DRAWS}
    print(
        f"\n{of.name}: {len(learned):,} conversations learned, {len(stopping):,} end training, {len(told):,} with "
        f"{len(asked):,} questions asked; {few['any']} and {few['same']} have fewer than {OTHERS + 1} candidates; "
        f"vectors took {time.process_time() - started:.0f} CPU s"
    )

    def tried(kinds: Sequence[str], network: _Trained, known: Sequence[Sequence[Context]]) -> Result:
        return Result(places(network.encoder, known, asked, projected, kinds), network.seconds, network.epochs)

    def known_to(network: _Trained) -> list[list[Context]]:
        return [contexts_of(network.encoder, one) for one in told]

    for way in ways:
        done: dict[str, Result] = {}
        print(_heading(way), flush=True)
        if way == "one":
            network = trained(learned, stopping, KINDS, options, forgetting=_FORGETTING)
            known = known_to(network)
        for row in rows:
            if way == "separate":
                network = trained(learned, stopping, ROWS[row], options)
                known = known_to(network)
            done[row] = tried(ROWS[row], network, known)
            gains = _gains(row, done, asked, options.seed)
            print(_line(row, done[row], gains), flush=True)
            yield f"{way}, {row}", {**done[row].to_json(), **gains}
    for count in options.curve:
        kept, ending = learned[:count], stopping[: max(1, round(_STOPPING * count))]
        done = {}
        for row in ("none", BY_DEFAULT):
            network = trained(kept, ending, ROWS[row], options)
            done[row] = tried(ROWS[row], network, known_to(network))
            gains = _gains(row, done, asked, options.seed)
            print(_line(f"{row}, of {len(kept)}", done[row], gains), flush=True)
            yield f"{row}, of {len(kept)}", {**done[row].to_json(), **gains}


def _heading(way: str) -> str:
    return f"{way:<16}{'R@1 any':>9}{'MRR any':>9}{'R@1 same':>10}{'MRR same':>10}{'CPU s':>8}{'epochs':>8}  R@1 gain"


def _gains(row: str, done: Mapping[str, Result], asked: Sequence[Trial], seed: int) -> dict[str, Any]:
    """What a row has more than no memory or, where a kind is left out, less than all; in points, with its interval.

    Of what is on by default also what each kind earns beside the other.
    """
    other = "all" if row.startswith("all but") else "none"
    pairs = [] if other not in done or row == other else [("", row, other) if other == "none" else ("", other, row)]
    if row == BY_DEFAULT:
        pairs += [(f" by {kind}", row, rest) for kind, rest in zip(ALWAYS, ALWAYS[::-1], strict=True) if rest in done]
    return {
        f"gain_{draw}{name}": _gain(done[more], done[less], draw, asked, seed)
        for name, more, less in pairs
        for draw in DRAWS
    }


def _gain(more: Result, less: Result, draw: str, asked: Sequence[Trial], seed: int) -> list[float]:
    low, high = interval(more.places[draw], less.places[draw], asked, seed=seed)
    return [round(value, 2) for value in (100 * (more.recall(draw) - less.recall(draw)), low, high)]


def _line(row: str, result: Result, gains: Mapping[str, Sequence[float]]) -> str:
    told = "; ".join(f"{name[5:]} {gain:+.1f} [{low:+.1f}, {high:+.1f}]" for name, (gain, low, high) in gains.items())
    return (
        f"{row:<16}{result.recall('any'):>9.1%}{result.reciprocal('any'):>9.3f}{result.recall('same'):>10.1%}"
        f"{result.reciprocal('same'):>10.3f}{result.seconds:>8.1f}{result.epochs:>8}  {told}"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders that hold sgd/, crosswoz/")
    parser.add_argument("--sets", default="", help=f"by comma, all by default: {', '.join(SETS)}")
    parser.add_argument("--ways", default="", help=f"by comma, all by default: {', '.join(WAYS)}")
    parser.add_argument("--rows", default="", help=f"by comma, all by default: {', '.join(ROWS)}")
    parser.add_argument("--conversations", type=_count, default=2000, help="that are learned from at most")
    parser.add_argument(
        "--curve", type=_counts, default=(), help="numbers of conversations, by comma, to learn from in turn"
    )
    parser.add_argument("--epochs", type=_count, default=12, help="at most")
    parser.add_argument("--minutes", type=float, default=30.0, help="bound of each training, wall clock")
    parser.add_argument("--seed", type=int, default=1, help="of splits, draws and training")
    parser.add_argument("--cache", type=Path, help="keep the vectors of texts in this folder")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    return parser


def _count(text: str) -> int:
    if not text.strip().isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


def _counts(text: str) -> list[int]:
    return [_count(part) for part in text.split(",") if part.strip()]


if __name__ == "__main__":
    sys.exit(main())
