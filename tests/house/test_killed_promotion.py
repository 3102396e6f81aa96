"""A promotion that is killed, races another, or finds the disk full leaves the old model or the new one, whole."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

import engine
from bot.config import Config
from bot.models import write_list
from engine import checkpoint
from engine.models.card import Card
from engine.models.registry import Registry
from storage.conversations import open_store

ROOT = Path(engine.__file__).parents[1]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SIZE = 200_000

# Kills itself at the given call of what touches the disk, or says how many calls there were.
DYING = """
import builtins, os, pathlib, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from engine.models.registry import Registry

left = int(sys.argv[4])

def counted(call):
    def at_a_moment(*words, **settings):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*words, **settings)
    return at_a_moment

for place, name in ((os, "fsync"), (os, "rename"), (os, "replace"), (os, "unlink"), (os, "mkdir"), (os, "rmdir"),
                    (pathlib.Path, "replace"), (pathlib.Path, "rename"), (pathlib.Path, "unlink"),
                    (pathlib.Path, "open")):
    setattr(place, name, counted(getattr(place, name)))
registry = Registry(Path(sys.argv[1]), Path(sys.argv[2]))
registry.promote(sys.argv[3], at=datetime.now(UTC))
print("promoted")
"""
PROMOTING = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from bot.models import write_list
from engine.models.registry import Registry
from storage.conversations import open_store

registry = Registry(Path(sys.argv[1]), Path(sys.argv[2]))
print("ready", flush=True)
sys.stdin.readline()
for _ in range(5):
    registry.promote(sys.argv[3], at=datetime.now(UTC))
    with open_store(sys.argv[4]) as store:
        write_list(store, registry)
"""
FULL = """
import resource, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from engine.models.registry import Registry

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[4]), resource.RLIM_INFINITY))
registry = Registry(Path(sys.argv[1]), Path(sys.argv[2]))
try:
    registry.promote(sys.argv[3], at=datetime.now(UTC))
except OSError as error:
    print(error.strerror)
"""


def start(script: str, *words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", script, *map(str, words)],
        cwd=ROOT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def a_registry(folder: Path, count: int = 2) -> tuple[Registry, list[str]]:
    """A registry whose first model is in use."""
    registry = Registry(folder / "models", folder / "model")
    names = [
        registry.write({"weights.json": str(number).encode() * SIZE, "same.json": b"same"}, {"number": number})
        for number in range(count)
    ]
    registry.promote(names[0], at=NOON)
    return registry, names


def check_whole(registry: Registry, names: list[str]) -> str:
    """Which model is in use; it and all that are kept are whole."""
    model = checkpoint.read(registry.current_folder)
    assert model.files["weights.json"].read_bytes() == str(model.facts["number"]).encode() * SIZE
    records = registry.records()
    assert {record.name for record in records} == set(names)
    assert [record.problem for record in records] == [""] * len(names)
    assert [record.name for record in records if record.status == "current"] == [model.fingerprint]
    return model.fingerprint


def test_kill_nine_at_each_step_of_a_promotion_leaves_the_old_or_the_new_model(tmp_path: Path) -> None:
    seen, step = [], 0
    while True:
        step += 1
        registry, names = a_registry(tmp_path / str(step))
        with start(DYING, registry.folder, registry.current_folder, names[1], step) as process:
            out, error = process.communicate(timeout=60)
        seen.append(check_whole(registry, names))
        if out:
            break
        assert (process.returncode, error) == (-signal.SIGKILL, "")
        assert registry.previous() == ("" if seen[-1] == names[0] else names[0])
        # Whoever comes next can go on, and back.
        registry.promote(names[1], at=NOON)
        assert registry.rollback(at=NOON) == (names[1], names[0])
        assert check_whole(registry, names) == names[0]
    assert step > 12
    assert (seen[0], seen[-1]) == (names[0], names[1])
    assert seen == sorted(seen, key=names.index)  # there is one step at which it changes


def test_two_processes_that_promote_at_once_end_with_one_of_them_and_a_list_that_says_so(tmp_path: Path) -> None:
    registry, names = a_registry(tmp_path, 3)
    url = f"sqlite:///{tmp_path}/a.db"
    open_store(url).close()
    processes = [start(PROMOTING, registry.folder, registry.current_folder, name, url) for name in names[1:]]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.stderr and process.stderr.read()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        _, error = process.communicate(timeout=100)
        assert (process.returncode, error) == (0, "")
    in_use = check_whole(registry, names)
    assert in_use in names[1:]
    with closing(open_store(url)) as store:
        listed = {model.fingerprint: model.status for model in store.models()}
    assert listed == {name: "current" if name == in_use else "retired" for name in names}


@pytest.mark.parametrize("room", [0, 50, 1000, SIZE - 1])
def test_a_full_disk_leaves_the_model_in_use(tmp_path: Path, room: int) -> None:
    registry, names = a_registry(tmp_path)
    with start(FULL, registry.folder, registry.current_folder, names[1], room) as process:
        out, error = process.communicate(timeout=60)
    assert (process.returncode, out, error) == (0, "File too large\n", "")
    assert check_whole(registry, names) == names[0]
    assert registry.previous() == ""
    assert not list(tmp_path.rglob("*.part"))
    registry.promote(names[1], at=NOON)
    assert check_whole(registry, names) == names[1]


def test_a_model_for_which_there_is_no_room_is_not_kept_by_halves(tmp_path: Path) -> None:
    registry, names = a_registry(tmp_path)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            registry.write({"weights.json": b"9" * SIZE}, {"number": 9}, Card("", NOON))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert check_whole(registry, names) == names[0]
    assert not [path for path in registry.folder.iterdir() if path.name.startswith(".")]


def test_the_list_survives_a_promotion_that_was_killed_before_it_was_written(tmp_path: Path) -> None:
    registry, names = a_registry(tmp_path)
    with closing(open_store(f"sqlite:///{tmp_path}/a.db")) as store:
        write_list(store, registry)
        registry.promote(names[1], at=NOON)  # killed here: nobody wrote the list
        write_list(store, registry)
        assert {model.fingerprint: model.status for model in store.models()} == {
            names[0]: "retired",
            names[1]: "current",
        }
    assert json.loads((registry.folder / "history.json").read_text("utf-8")) == {"promoted": names}


def test_a_promoted_model_of_flesh_and_blood_answers_the_next_message(tmp_path: Path, sample_model: Path) -> None:
    from dataclasses import replace

    from bot import models
    from bot.compose import compose
    from bot.config import BotConfig
    from engine.checkpoint import Change, update
    from tests.builders import a_message

    config = replace(Config(), bot=BotConfig(data="."), home=tmp_path)
    first = models.register(config, sample_model)
    assert models.promote_if_no_worse(config, first, golden=()).verdict == "first"
    house = compose(config, lasting=False)
    before = house.taker.take(a_message("do you offer express delivery?"))
    in_flight = house.taker.engine
    assert house.engine is not None
    assert house.watch is not None

    registry = models.registry_of(config)
    copy = tmp_path / "copy"
    kept = checkpoint.read(registry.find(first).folder)
    checkpoint.write(copy, {name: path.read_bytes() for name, path in kept.files.items()}, kept.facts)
    update(copy, lambda _model: Change(facts={"told": "apart"}))
    second = models.register(config, copy, kind="finetune", parent=first)
    golden = tmp_path / "golden.csv"
    golden.write_text("question,id\ndo you offer express delivery?,delivery-express\n", "utf-8")
    report = models.promote_if_no_worse(config, second, golden=[golden])
    assert (report.verdict, report.changes, report.after.questions) == ("no worse", (), 1)
    assert house.watch.look()
    assert house.engine.fingerprint == second
    assert house.taker.take(a_message("do you offer express delivery?")).text == before.text
    # The files of the first are gone, and it can still be asked.
    assert in_flight is not None
    assert in_flight.respond_many(["do you offer express delivery?"])[0].entry == "delivery-express"
    house.close()
