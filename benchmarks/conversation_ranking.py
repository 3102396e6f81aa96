"""What the conversation so far brings to the ranking of the whole engine, learned from logs.

    python benchmarks/conversation_ranking.py --data FOLDER [--set sgd] [--entries 80] [--conversations 600]
                                              [--minutes 6] [--seed 1] [--json FILE]

No public set has conversations answered from a FAQ, so one is made. Agents' turns of some conversations, with values as
gaps, are put into groups (k-means over the vectors of the base); each group is an entry, answered by its most central
turn, and up to eight messages that got such an answer are its questions. The conversations that are logged, and those
that are asked, are others; what was answered there is the entry of the nearest group. A model is trained on FAQ and
logs as always. Asked is every message of a customer that an agent answered, after what was really said: the share whose
entry comes first, without what follows on what, with it, and with the neural state beside; the share that is sure
enough to be answered, and how much of that is wrong. The brackets hold the 95 % interval of what is gained over the
first row, by drawing conversations anew. sgd: 250 conversations of ``train.jsonl.gz`` make the FAQ, 200 of
``dev.jsonl`` are asked; crosswoz: 100 and 120. Needs scikit-learn.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, not as a module

import numpy as np

from benchmarks.datasets import DataError, Folders
from benchmarks.memory import Message, Spoken, read, words
from benchmarks.understanding import machine
from engine.base.base import BaseEncoder, shipped
from engine.checkpoint import Checkpoint
from engine.checkpoint import read as read_checkpoint
from engine.dialogue import Speaker, Turn
from engine.knowledge.entries import Entry, Knowledge
from engine.memory import LONGEST_VALUE, WorkingMemory
from engine.ports import Reading, TextEncoder
from engine.respond import Engine, Settings, assemble
from engine.training.data import LoggedConversation, LoggedTurn, TrainingData, background
from engine.training.options import TrainingOptions
from engine.training.school import train
from engine.understand.conversation_head import FILE, ConversationHead
from engine.understand.follow_up import is_follow_up
from engine.understand.recurrent import Floats
from engine.understand.slots import SlotFinder

SETS: Mapping[str, tuple[str, int, int]] = {"sgd": ("en", 250, 200), "crosswoz": ("zh", 100, 120)}
"""By name: the language, how many conversations make the FAQ, how many are asked."""
ROWS = ("without", "what follows on what", "and the neural state")
_QUESTIONS = 8  # of an entry
_SHORTEST = 3  # characters of a value that is made a gap
_EPOCHS = 4
_DRAWN = 1000


@dataclass(frozen=True, slots=True)
class Judged:
    """Whether the entry that was given came first, and whether the first one was sure enough to be answered."""

    right: bool
    answered: bool


@dataclass(frozen=True, slots=True)
class Groups:
    """Answers of one kind: unit vectors of their centres (K, V)."""

    centres: Floats
    texts: TextEncoder

    def of(self, one: Spoken) -> dict[int, str]:
        """The entry of each answered message, by the place of the answer."""
        places = [message.place + 1 for message in one.messages]
        if not places:
            return {}
        nearest = (self.texts.vectors([gaps(one, place) for place in places]) @ self.centres.T).argmax(axis=1)
        return {place: entry_name(int(row)) for place, row in zip(places, nearest, strict=True)}


def gaps(one: Spoken, place: int) -> str:
    """A turn with the values of its conversation, and all numbers, as gaps."""
    values = {value for message in one.messages for _, value in message.slots if len(value) >= _SHORTEST}
    text = one.texts[place]
    for value in sorted(values, key=len, reverse=True):
        text = re.sub(re.escape(value), "…", text, flags=re.IGNORECASE)
    return re.sub(r"\d[\d:.,-]*", "0", text)


def entry_name(number: int) -> str:
    """The id of the entry of a group."""
    return f"group-{number}"


def a_faq(
    conversations: Sequence[Spoken], texts: TextEncoder, *, entries: int, locale: str, seed: int
) -> tuple[Knowledge, Groups]:
    """A FAQ from conversations, and the groups of answers that it is made from."""
    from sklearn.cluster import KMeans

    pairs = [(one, message) for one in conversations for message in one.messages]
    answers = [gaps(one, message.place + 1) for one, message in pairs]
    vectors = texts.vectors(answers)
    found = KMeans(entries, n_init=2, random_state=seed).fit(vectors)
    centres = found.cluster_centers_ / np.linalg.norm(found.cluster_centers_, axis=1, keepdims=True)
    chance = random.Random(seed)
    made = []
    for number in range(entries):
        own = np.flatnonzero(found.labels_ == number).tolist()
        best = max(own, key=lambda row: float(vectors[row] @ centres[number]))
        asked = list(dict.fromkeys(pairs[row][0].texts[pairs[row][1].place] for row in own))
        questions = tuple(chance.sample(asked, min(_QUESTIONS, len(asked))))
        made.append(Entry(entry_name(number), f"{answers[best]} [{number}]", questions, locale=locale))
    return Knowledge(tuple(made)), Groups(centres.astype(np.float32), texts)


def logged(name: str, one: Spoken, groups: Groups) -> LoggedConversation:
    """A conversation as a log has it, with the entries of its answers and the values that the customer gave."""
    entries, slots = groups.of(one), {message.place: values_of(message) for message in one.messages}
    turns = zip(one.texts, one.speakers, strict=True)
    return LoggedConversation(
        name,
        tuple(
            LoggedTurn(Turn(speaker, text), entries.get(place), slots.get(place, {}))
            for place, (text, speaker) in enumerate(turns)
        ),
    )


def values_of(message: Message) -> dict[str, str]:
    """The values known with a message, by the names of their slots in words."""
    return {words(name): value[:LONGEST_VALUE] for name, value in message.slots if value}


def judged(engine: Engine, head: ConversationHead | None, one: Spoken, entries: Mapping[int, str]) -> Iterator[Judged]:
    """What every answered message comes to, after what was really said."""
    memory, asked = WorkingMemory(), {message.place: message for message in one.messages}
    for place, (text, speaker) in enumerate(zip(one.texts, one.speakers, strict=True)):
        if place in asked:
            for name, value in values_of(asked[place]).items():
                memory = memory.fill(name, value, heard=datetime.fromtimestamp(place, UTC))
            best, sure = first(engine, head, text, memory)
            yield Judged(best == entries[place + 1], sure)
            after = memory.hear(Turn(Speaker.CUSTOMER, text)).hear(Turn(Speaker.BOT, one.texts[place + 1]))
            after = after.push_topic(entries[place + 1])
            memory = after if head is None else head.carried(memory, text, after)
        elif place - 1 not in asked:
            memory = memory.hear(Turn(speaker, text))


def first(engine: Engine, head: ConversationHead | None, text: str, memory: WorkingMemory) -> tuple[str, bool]:
    """The entry that is ranked first, and whether it is sure enough to be answered."""
    reading = Reading(text, engine.locale(text))
    if memory.topic is not None and is_follow_up(text):
        said = (turn.text for turn in reversed(memory.recent) if turn.speaker is Speaker.CUSTOMER)
        reading = replace(reading, topic=engine.knowledge[memory.topic.entry], before=next(said, ""))
    if head is not None:
        reading = replace(reading, goes_on=head.goes_on([reading], [memory])[0])
    understanding = engine.understander.understand([reading])
    evidence = engine.retriever.retrieve([reading], understanding)
    ranked = engine.ranker.rank(reading, understanding[0], evidence[0])
    limits = engine.arbiter.thresholds
    least = limits.answer if reading.topic is None else max(limits.answer, limits.follow_up)
    return (ranked[0].entry, ranked[0].confidence >= least) if ranked else ("", False)


def head_of(model: Checkpoint, engine: Engine, texts: TextEncoder, *, neural: bool) -> ConversationHead | None:
    """What the model knows of what follows on what."""
    if FILE not in model.files:
        return None
    arrays = model.arrays(FILE)
    return ConversationHead.load(arrays, texts, engine.knowledge, fingerprint=model.fingerprint, neural=neural)


def measured(name: str, folders: Folders, options: argparse.Namespace) -> dict[str, Any]:
    """The figures of a set."""
    locale, making, asking = SETS[name]
    chance, texts = random.Random(options.seed), BaseEncoder(shipped(), SlotFinder())
    found = read(folders.need("sgd/train.jsonl.gz" if name == "sgd" else "crosswoz/train.jsonl"))
    chance.shuffle(found)
    asked = read(folders.need("sgd/dev.jsonl"))[:asking] if name == "sgd" else found[:asking]
    found = found if name == "sgd" else found[asking:]
    knowledge, groups = a_faq(found[:making], texts, entries=options.entries, locale=locale, seed=options.seed)
    told = found[making : making + options.conversations]
    logs = tuple(logged(str(number), one, groups) for number, one in enumerate(told))
    with tempfile.TemporaryDirectory() as scratch:
        chosen = TrainingOptions(epochs=_EPOCHS, threads=1, minutes=options.minutes, max_wrong_rate=0.3)
        started = time.process_time()
        summary = train(TrainingData(knowledge, logs, background()), Path(scratch), chosen, lambda _: None)
        took, model = time.process_time() - started, read_checkpoint(Path(scratch))
        engine = assemble(model, Settings(generate=False))
        heads = (None, *(head_of(model, engine, texts, neural=neural) for neural in (False, True)))
        labels = [groups.of(one) for one in asked]
        right = [
            [list(judged(engine, head, one, own)) for one, own in zip(asked, labels, strict=True)] for head in heads
        ]
    facts = {row: figures(own, right[0], options.seed) for row, own in zip(ROWS, right, strict=True)}
    count = sum(map(len, right[0]))
    print(
        f"\n{name}: {len(logs)} conversations logged, {options.entries} entries, {count} messages asked, "
        f"training took {took:.0f} CPU s"
    )
    print("\n".join(f"  {note}" for note in summary.notes if "said before" in note or "memory" in note))
    print(f"{'':<24}{'right':>7}{'answered':>10}{'wrong of it':>13}  gain")
    for row, own in facts.items():
        points, low, high = own["gain"]
        told_of = f"{row:<24}{own['right']:>7.1%}{own['answered']:>10.1%}{own['wrong']:>13.1%}"
        print(f"{told_of}  {points:+.1f} [{low:+.1f}, {high:+.1f}]", flush=True)
    return {"asked": count, "training_seconds": round(took, 1), "notes": list(summary.notes), "rows": facts}


def figures(asked: Sequence[Sequence[Judged]], other: Sequence[Sequence[Judged]], seed: int) -> dict[str, Any]:
    """The share that is right, that is answered, and of that the share that is wrong; the gain over another row."""
    every = [one for some in asked for one in some]
    answered = [one for one in every if one.answered]
    wrong = sum(not one.right for one in answered) / max(1, len(answered))
    return {
        "right": sum(one.right for one in every) / len(every),
        "answered": len(answered) / len(every),
        "wrong": wrong,
        "gain": gain(asked, other, seed),
    }


def gain(right: Sequence[Sequence[Judged]], other: Sequence[Sequence[Judged]], seed: int) -> tuple[float, float, float]:
    """What is gained in points, and its 95 % interval."""
    both = zip(right, other, strict=True)
    more = np.asarray([sum(one.right for one in own) - sum(one.right for one in before) for own, before in both], float)
    sizes = np.asarray([len(one) for one in right], float)
    drawn = np.random.default_rng(seed).integers(len(more), size=(_DRAWN, len(more)))
    low, high = np.quantile(more[drawn].sum(axis=1) / np.maximum(sizes[drawn].sum(axis=1), 1), (0.025, 0.975))
    return 100 * float(more.sum() / sizes.sum()), 100 * float(low), 100 * float(high)


def main() -> int:
    """Print the figures of a set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders that hold sgd/, crosswoz/")
    parser.add_argument("--set", choices=SETS, default="sgd")
    parser.add_argument("--entries", type=int, default=80, help="of the FAQ that is made")
    parser.add_argument("--conversations", type=int, default=600, help="that are logged at most")
    parser.add_argument("--minutes", type=float, default=6.0, help="bound of the training, wall clock")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    options = parser.parse_args()
    try:
        found = {options.set: measured(options.set, Folders(options.data), options)}
    except (DataError, ModuleNotFoundError, OSError) as error:
        parser.error(str(error))
    if options.json is not None:
        options.json.write_text(
            json.dumps({"machine": machine(), "seed": options.seed, "sets": found}, indent=1), "utf-8"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
