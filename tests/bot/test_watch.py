"""A running bot takes over the model that was put in use, between two messages, and never a damaged one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.house import serve
from bot.watch import ModelWatch
from engine.errors import CheckpointError
from engine.memory import NeuralState
from tests.builders import KEY, a_house, a_message, a_whole_house, a_wording
from tests.fakes import Lines, TableEngine


class Model(TableEngine):
    """An engine that has a name and answers every refund its own way."""

    def __init__(self, name: str, before: Callable[[str], None] = lambda _text: None) -> None:
        super().__init__({"refund": f"says {name}"}, a_wording().say, before=before)
        self.fingerprint = name
        self.warm = False

    def warm_up(self) -> None:
        self.warm = True


def put(folder: Path, name: str) -> None:
    """Put a model in use, in one step."""
    folder.mkdir(exist_ok=True)
    part = folder / "part"
    part.write_text(name, "utf-8")
    part.rename(folder / "manifest.json")


def load(folder: Path) -> Any:
    name = (folder / "manifest.json").read_text("utf-8")
    if name == "rotten":
        raise CheckpointError(f"{folder}: weights.json is damaged")
    if name == "strange":
        raise MemoryError
    return Model(name)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    put(tmp_path / "model", "old")
    return tmp_path / "model"


def watched(folder: Path, engine: Any) -> tuple[Any, ModelWatch]:
    """A house whose model is watched."""
    house = a_whole_house(a_house(engine=engine))
    house.watch = ModelWatch(folder, lambda: load(folder))
    house.watch.tell(engine.fingerprint if engine else "", house.use)
    return house, house.watch


def say(house: Any) -> str:
    return str(house.taker.take(a_message("refund")).text)


def test_the_next_message_is_answered_by_the_model_that_was_put_in_use(folder: Path) -> None:
    house, watch = watched(folder, Model("old"))
    assert say(house) == "says old"
    put(folder, "new")
    assert watch.look()
    assert say(house) == "says new"
    assert (house.engine.fingerprint, house.engine.warm) == ("new", True)


def test_nothing_is_read_while_nothing_changes(folder: Path) -> None:
    read: list[int] = []
    watch = ModelWatch(folder, lambda: read.append(1) or load(folder))
    assert [watch.look() for _ in range(3)] == [False] * 3
    put(folder, "new")
    assert [watch.look() for _ in range(3)] == [True, False, False]
    assert read == [1]


def test_a_change_before_the_model_was_first_read_is_seen(folder: Path) -> None:
    watch = ModelWatch(folder, lambda: load(folder))
    put(folder, "new")
    first = load(folder)
    taken: list[Any] = []
    watch.tell(first.fingerprint, taken.append)
    assert not watch.look()  # it is the one that was read
    assert taken == []


@pytest.mark.parametrize("name", ["rotten", "strange"])
def test_a_damaged_model_leaves_the_one_in_use_and_is_logged_once(
    folder: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    house, watch = watched(folder, Model("old"))
    put(folder, name)
    assert [watch.look() for _ in range(3)] == [False] * 3
    assert say(house) == "says old"
    assert len(caplog.records) == 1
    assert "the one before goes on" in caplog.text
    put(folder, "new")
    assert watch.look()
    assert say(house) == "says new"


def test_a_model_that_is_gone_goes_on_answering(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    house, watch = watched(folder, Model("old"))
    (folder / "manifest.json").unlink()
    assert [watch.look() for _ in range(3)] == [False] * 3
    assert say(house) == "says old"
    assert caplog.text.count("is gone") == 1


def test_a_bot_without_a_model_gets_its_first(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    house, watch = watched(folder, None)
    house.ready = "there is no model"
    assert not watch.look()
    put(folder, "new")
    assert watch.look()
    assert (say(house), house.ready) == ("says new", "")


def test_a_turn_in_flight_ends_with_the_model_that_it_began_with(folder: Path) -> None:
    thinking, go_on = threading.Event(), threading.Event()

    def think(_text: str) -> None:
        thinking.set()
        assert go_on.wait(20)

    house, watch = watched(folder, Model("old", before=think))
    with ThreadPoolExecutor(1) as pool:
        turn = pool.submit(say, house)
        assert thinking.wait(20)
        put(folder, "new")
        assert watch.look()
        other = house.taker.take(a_message("refund", key=replace(KEY, thread="bela"))).text
        go_on.set()
        assert (other, turn.result()) == ("says new", "says old")


def test_no_message_is_lost_or_answered_twice_while_models_change(folder: Path) -> None:
    house, watch = watched(folder, Model("old"))
    ended = threading.Event()

    def change() -> None:
        number = 0
        while not ended.is_set():
            number += 1
            put(folder, f"model {number}")
            assert watch.look()

    changing = threading.Thread(target=change)
    changing.start()
    keys = [replace(KEY, thread=str(number)) for number in range(4)]
    try:
        with ThreadPoolExecutor(4) as pool:
            replies = list(pool.map(lambda n: house.taker.take(a_message("refund", key=keys[n % 4])), range(200)))
    finally:
        ended.set()
        changing.join()
    assert all(reply.text.startswith("says ") for reply in replies)
    assert sum(len(house.taker.store.history(key)) for key in keys) == 400


def test_what_the_networks_of_another_model_left_in_memory_is_dropped(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Any] = []

    class Curious(Model):
        def respond(self, text: str, memory: Any, **rest: Any) -> Any:
            seen.append(memory.neural)
            return super().respond(text, memory, **rest)

    house, _ = watched(folder, Curious("old"))
    caplog.set_level(logging.INFO)
    for state in (NeuralState("old", b"kept"), NeuralState("older", b"dropped")):
        conversation = house.store.load(KEY)
        with house.store.write() as work:
            work.save(conversation.with_memory(replace(conversation.memory, neural=state)))
            work.commit()
        say(house)
    assert seen == [NeuralState("old", b"kept"), None]
    assert "the state of model older was dropped" in caplog.text


async def test_a_house_that_is_served_looks_and_looks_no_more_when_it_ends(folder: Path) -> None:
    house, watch = watched(folder, Model("old"))
    taken = threading.Event()
    use = house.use
    watch.tell("old", lambda engine: (use(engine), taken.set()))

    class Patient(Lines):
        async def serve(self, handle: Any) -> None:
            import asyncio

            self.replies.append(await handle(a_message("refund")))
            put(folder, "new")
            assert await asyncio.to_thread(taken.wait, 20)
            self.replies.append(await handle(a_message("refund")))

    channel = Patient()
    await serve(house, [channel])
    assert [reply.text for reply in channel.replies] == ["says old", "says new"]
    put(folder, "later")
    assert not watch.look()  # closed: what would come now is not taken any more
    assert say(house) == "says new"
