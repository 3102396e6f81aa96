"""How long a conversation's memory takes to load from a SQLite file with many of them, and how large the file is.

    python benchmarks/store.py --conversations 100000 [--loads 2000] [--file store.db]

Every conversation has a few turns and a memory as a real one has: topics, values that customers give, the last turns,
choices that were offered. English and Chinese take turns, and after 10,000 conversations what was said comes again.
Times are of this machine and this moment; the file lies in a temporary folder unless it is named, and a named file that
is there already is used as it is. On a busy machine the clock counts what others do meanwhile; the second line counts
this process alone.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, text

from engine.dialogue import Candidate, Choice, ConversationKey, Message, Provenance, Reply, Source, Speaker, Turn
from engine.memory import WorkingMemory
from storage.conversations import open_store
from storage.rows import reply_to_json, storable
from storage.schema import conversations, turns
from storage.upgrade import WRITES

BATCH = 1_000
DISTINCT = 10_000
COPY = (
    "INSERT INTO conversations SELECT id + :shift, channel, printf('visitor-%08d', id + :shift - 1), owner, memory,"
    " version, created_at, updated_at FROM conversations WHERE id <= :left",
    "INSERT INTO turns (conversation_id, position, speaker, text, at, message_id, reply, sender)"
    " SELECT conversation_id + :shift, position, speaker, text, at, message_id, reply,"
    " printf('visitor-%08d', conversation_id + :shift - 1) FROM turns WHERE conversation_id <= :left",
)
"""What makes more conversations of the first ones, with other names: from there on only names are new."""

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
SAID = {
    "en": (
        ("Where is my parcel? The number is {order}.", "Parcels arrive within three working days after dispatch."),
        ("Can I still change the address to {city}?", "Yes, as long as the parcel has not left our warehouse."),
        ("How much is delivery?", "Delivery is free from 40 pounds, and 3.90 pounds below that."),
        ("And how do I send it back?", "Use the label in the parcel within 30 days; the return is free of charge."),
    ),
    "zh": (
        ("我的包裹到哪里了？订单号是{order}。", "包裹一般在发货后三个工作日内送达。"),
        ("地址可以改到{city}吗？", "可以，只要包裹还没有离开我们的仓库。"),
        ("运费是多少？", "满三百元免运费，不满三百元收取十元。"),
        ("那怎么退货呢？", "请在三十天内使用包裹中的退货单寄回，退货免运费。"),
    ),
}
CITIES = {"en": ("Leeds", "York", "Bristol", "Oxford"), "zh": ("杭州", "成都", "西安", "苏州")}
ENTRIES = ("delivery-time", "change-address", "delivery-cost", "returns", "payment", "opening-hours")


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conversations", type=int, default=100_000, help="how many are in the file")
    parser.add_argument("--loads", type=int, default=2_000, help="how many memories are loaded, drawn by chance")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--file", type=Path, help="where the database lies; else in a temporary folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = options.file or Path(folder) / "store.db"
        if not path.exists():
            began = time.perf_counter()
            fill(path, options.conversations, random.Random(options.seed))
            print(f"filled with {options.conversations:,} conversations in {time.perf_counter() - began:.0f} s")
        measure(path, options.conversations, options.loads, random.Random(options.seed + 1))


def fill(path: Path, count: int, chance: random.Random) -> None:
    """Write so many conversations, row for row what the store writes, but many with one statement.

    The first ``DISTINCT`` differ in everything, those after them are copies of them with names of their own.
    """
    with open_store(f"sqlite:///{path}") as store:
        made = min(count, DISTINCT)
        for first in range(0, made, BATCH):
            rows: dict[str, list[dict[str, Any]]] = {"conversations": [], "turns": []}
            for number in range(first, min(first + BATCH, made)):
                add(rows, number + 1, ConversationKey("web", f"visitor-{number:08d}"), chance)
            with store.engine.execution_options(**{WRITES: True}).begin() as connection:
                connection.execute(insert(conversations), rows["conversations"])
                connection.execute(insert(turns), rows["turns"])

        with store.engine.execution_options(**{WRITES: True}).begin() as connection:
            for shift in range(made, count, made):
                for statement in COPY:
                    connection.execute(text(statement), {"shift": shift, "left": min(made, count - shift)})


def add(rows: dict[str, list[dict[str, Any]]], number: int, key: ConversationKey, chance: random.Random) -> None:
    """The rows of one conversation."""
    messages, replies, memory = a_conversation(key, chance)
    for place, (message, reply) in enumerate(zip(messages, replies, strict=True)):
        shared = {"conversation_id": number, "message_id": message.message_id, "sender": message.sender}
        at = message.sent_at
        customer = {"speaker": "customer", "text": message.text, "at": at, "position": 2 * place, "reply": None}
        later = {"at": at + timedelta(seconds=1), "position": 2 * place + 1, "reply": reply_to_json(reply)}
        rows["turns"] += [{**shared, **customer}, {**shared, "speaker": "bot", "text": reply.text, **later}]
    rows["conversations"].append(
        {
            "id": number,
            "channel": key.channel,
            "thread": key.thread,
            "owner": "bot",
            "memory": storable(memory.to_json()),
            "version": len(messages),
            "created_at": messages[0].sent_at,
            "updated_at": messages[-1].sent_at,
        }
    )


def a_conversation(
    key: ConversationKey, chance: random.Random
) -> tuple[Sequence[Message], Sequence[Reply], WorkingMemory]:
    """Two to four messages with their replies, and what is remembered after them."""
    language = "zh" if chance.random() < 0.5 else "en"
    order, city = f"A-{chance.randrange(10**7):07d}", chance.choice(CITIES[language])
    at = BEGAN + timedelta(seconds=chance.randrange(10**7))
    memory = WorkingMemory().fill("order", order, heard=at).fill("city", city, heard=at)
    if chance.random() < 0.3:
        memory = memory.fill("phone", f"1{chance.randrange(10**10):010d}", heard=at)
    messages, replies = [], []
    for number, (asked, answer) in enumerate(chance.sample(SAID[language], chance.randint(2, 4))):
        said, entry = asked.format(order=order, city=city), chance.choice(ENTRIES)
        messages.append(Message(key, f"{key.thread}-{number}", said, at + timedelta(minutes=number), key.thread))
        others = tuple(Candidate(name, answer, 0.1) for name in ENTRIES if name != entry)[:2]
        where = Provenance(Source.RETRIEVED, entry, "clearly the nearest entry")
        replies.append(Reply(answer, where, 0.9, entry, candidates=(Candidate(entry, answer, 0.9), *others)))
        memory = memory.hear(Turn(Speaker.CUSTOMER, said)).push_topic(entry).hear(Turn(Speaker.BOT, answer))
    if chance.random() < 0.2:
        memory = memory.offer([Choice(entry, SAID[language][0][0]) for entry in ENTRIES[:3]])
    return messages, replies, memory


def measure(path: Path, count: int, loads: int, chance: random.Random) -> None:
    """Load memories drawn by chance, by a store that was just opened, and print times and sizes."""
    with open_store(f"sqlite:///{path}") as store:
        store.load(ConversationKey("web", "nobody"))  # the first statement of a process compiles
        times, busy, slots = [], [], 0
        for _ in range(loads):
            key = ConversationKey("web", f"visitor-{chance.randrange(count):08d}")
            began, computed = time.perf_counter(), time.process_time()
            memory = store.load(key).memory
            times.append((time.perf_counter() - began) * 1000)
            busy.append((time.process_time() - computed) * 1000)
            slots += len(memory.slots)
    size = path.stat().st_size
    print(f"loading one memory of {count:,}, {loads:,} times:")
    for name, found in (("on the clock", sorted(times)), ("computing", sorted(busy))):
        median, at_95 = statistics.median(found), found[int(len(found) * 0.95)]
        print(f"  {name:<12}  median {median:.3f} ms, 95th percentile {at_95:.3f} ms, slowest {found[-1]:.1f} ms")
    print(f"file: {size / 2**20:.1f} MiB, {size / count:,.0f} bytes a conversation, {slots / loads:.1f} slots in each")


if __name__ == "__main__":
    main()
