"""Building the house: what is missing is said in words, and what is damaged is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import bot
from bot.compose import House, compose, load_engine
from bot.config import DATABASE_VARIABLE, Config, load
from bot.errors import ConfigError, NoModel
from bot.wording import BUILT_IN
from engine.dialogue import ConversationKey
from storage.errors import StorageError
from storage.in_memory import InMemoryStore
from tests.builders import KEY, a_message, a_whole_house
from tests.fakes import FailingStore

ROOT = Path(bot.__file__).parents[1]
DAMAGED = {
    "empty": b"",
    "no json": b"{",
    "a list": b"[]",
    "foreign": b"{}",
    "later": b'{"format": 99}',
    "bytes": b"\xff",
}


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.delenv(DATABASE_VARIABLE, raising=False)
    path = tmp_path / "config.toml"
    path.write_text('[bot]\nname = "Fern"\n', "utf-8")
    return load(path)


def a_damaged_model(folder: Path, manifest: bytes) -> Path:
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_bytes(manifest)
    return folder


def test_without_a_model_the_house_stands_and_says_what_to_do(config: Config) -> None:
    house = compose(config, lasting=False)
    assert house.engine is None
    assert house.ready == f"there is no model in {config.model_path}; `attendant train` makes one"
    assert house.taker.take(a_message("refund")).text == BUILT_IN["en"]["no_model"]
    house.close()


def test_a_house_that_does_not_last_touches_no_disk(config: Config) -> None:
    house = compose(config, lasting=False)
    house.taker.take(a_message("refund"))
    house.close()
    assert isinstance(house.store, InMemoryStore)
    assert [path.name for path in config.home.iterdir()] == ["config.toml"]


def test_a_lasting_house_keeps_conversations_in_the_data_folder(config: Config) -> None:
    message = a_message("refund")
    first = compose(config)
    reply = first.taker.take(message)
    first.close()
    assert (config.data / "attendant.db").is_file()
    second = compose(config)
    assert second.taker.take(message) == reply
    assert [stored.turn.text for stored in second.history(KEY, limit=10)] == ["refund", reply.text]
    second.close()


@pytest.mark.parametrize("manifest", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_model_is_refused_and_no_database_is_made(config: Config, manifest: bytes) -> None:
    a_damaged_model(config.model_path, manifest)
    with pytest.raises(NoModel, match="attendant train"):
        compose(config)
    assert not (config.data / "attendant.db").exists()


def test_a_model_that_is_named_must_be_there(config: Config, tmp_path: Path) -> None:
    with pytest.raises(NoModel, match="absent"):
        compose(config, model=tmp_path / "absent", lasting=False)


def test_a_model_that_is_named_goes_before_the_configured_one(config: Config, tmp_path: Path) -> None:
    named = a_damaged_model(tmp_path / "named", b"{}")
    with pytest.raises(NoModel, match="named"):
        compose(config, model=named, lasting=False)


def test_the_engine_alone_cannot_be_had_without_a_model(config: Config) -> None:
    with pytest.raises(NoModel, match="`attendant train` makes one"):
        load_engine(config)


def test_a_wrong_sentence_name_is_refused_before_anything_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[wording.en]\nwelcom = "Hi"\n', "utf-8")
    with pytest.raises(ConfigError, match=r"wording\.en\.welcom; did you mean welcome"):
        compose(load(path))
    assert [item.name for item in tmp_path.iterdir()] == ["config.toml"]


def test_a_database_that_cannot_be_opened_is_the_stores_own_error(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATABASE_VARIABLE, "nonsense://x")
    with pytest.raises(StorageError):
        compose(config)


def test_the_desk_has_name_sentences_and_history(config: Config) -> None:
    house = compose(config, lasting=False)
    assert house.name == "Fern"
    assert "I am Fern" in house.say("welcome")
    house.taker.take(a_message("refund"))
    assert [stored.turn.text for stored in house.history(KEY, limit=1)] == [BUILT_IN["en"]["no_model"]]
    assert house.history(ConversationKey("shop", "nobody"), limit=5) == []
    house.close()


def test_a_history_that_cannot_be_read_is_empty() -> None:
    house = a_whole_house()
    assert isinstance(house, House)
    assert house.history(ConversationKey("shop", "x" * 1000), limit=5) == ()
    assert FailingStore().history(KEY) == []


async def test_a_service_of_the_house_takes_what_the_configuration_allows(config: Config) -> None:
    house = compose(config, lasting=False)
    service = house.service()
    assert (await service.handle(a_message("refund"))).text == BUILT_IN["en"]["no_model"]
    service.close()
    house.close()


def test_a_lasting_house_counts_and_one_that_does_not_last_does_not(config: Config) -> None:
    lasting, passing = compose(config), compose(config, lasting=False)
    lasting.taker.take(a_message("refund"))
    assert lasting.taker.metrics is not None
    labels = {"source": "fixed", "grade": "none"}
    assert lasting.taker.metrics.registry.get_sample_value("attendant_replies_total", labels) == 1
    assert passing.taker.metrics is None
    lasting.close()
    passing.close()


def test_composing_without_a_model_loads_no_torch(config: Config) -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom bot.compose import compose\nfrom bot.config import load\n"
        "compose(load(Path(sys.argv[1])), lasting=False).close()\n"
        "heavy = {'torch', 'textual', 'sqlalchemy', 'alembic', 'aiohttp', 'prometheus_client'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "-c", script, str(config.file)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
