"""How long the house takes: start-up, one reply through the whole straight line, and a file of questions.

    python benchmarks/house.py --model var/model [--turns 200]

Times are of this machine and this moment; the last column sets them against starting Python alone, in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from bot.compose import compose
from bot.config import BotConfig, Config
from engine.dialogue import ConversationKey, Message
from engine.training.data import sample

REPEATS = 5


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="a trained model folder")
    parser.add_argument("--turns", type=int, default=200, help="messages sent through the service")
    options = parser.parse_args()
    questions = [row["question"] for row in csv.DictReader(sample("test_questions.csv").open(encoding="utf-8"))]
    bare = median(lambda: run("-c", "pass"))
    rows = [("python -c pass", bare)]
    rows.append(("attendant --help", median(lambda: run("-m", "bot.cli.main", "--help"))))
    ask = ("-m", "bot.cli.main", "ask", "--model", str(options.model), "how long does delivery take?")
    rows.append(("attendant ask, from nothing to the reply", median(lambda: run(*ask))))
    print(f"{'':<52}{'seconds':>10}{'x python':>10}")
    for name, seconds in rows:
        print(f"{name:<52}{seconds:>10.3f}{seconds / bare:>10.1f}")
    for line in asyncio.run(turns(options.model, questions[: options.turns])):
        print(line)
    print(file_run(options.model))


def run(*arguments: str) -> None:
    """Run this Python with some arguments and wait for it."""
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)


def median(work: Callable[[], None]) -> float:
    """Median wall-clock seconds of several runs."""
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


async def turns(model: Path, questions: list[str]) -> list[str]:
    """Messages through ``Service.handle`` with a real SQLite file, one after another, each in its own conversation."""
    with tempfile.TemporaryDirectory() as folder:
        config = replace(Config(), bot=BotConfig(data="."), home=Path(folder))
        house = compose(config, model=model)
        service = house.service()
        times = []
        for number, question in enumerate(questions):
            key = ConversationKey("terminal", str(number))
            message = Message(key, str(number), question, house.taker.clock())
            began = time.perf_counter()
            await service.handle(message)
            times.append(time.perf_counter() - began)
        service.close()
        house.close()
    first, rest = times[0], sorted(times[1:])
    at_95 = rest[int(len(rest) * 0.95)]
    return [
        f"{'first reply of a process (loads PyTorch)':<52}{first:>10.3f}",
        f"{'reply after the first, median':<52}{statistics.median(rest):>10.3f}",
        f"{'reply after the first, 95th percentile':<52}{at_95:>10.3f}",
    ]


def file_run(model: Path) -> str:
    """Questions a second of ``attendant ask --file``, start-up included."""
    path = sample("test_questions.csv")
    began = time.perf_counter()
    command = [sys.executable, "-m", "bot.cli.main", "ask", "--file", str(path), "--jsonl", "--model", str(model)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    count = sum(1 for line in done.stdout.splitlines() if json.loads(line))
    return f"{'attendant ask --file, questions a second':<52}{count / seconds:>10.0f}   ({count} in {seconds:.1f} s)"


if __name__ == "__main__":
    main()
