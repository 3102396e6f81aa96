"""Keeping, judging and promoting from a configuration, and the list in the database that follows the folders."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from models_shop import a_table_model, load_table, registered

from bot import models
from bot.config import Config, load
from bot.errors import NoModel
from engine.errors import CheckpointError, KnowledgeError
from engine.respond import Engine
from storage.in_memory import InMemoryStore
from storage.ports import StoredModel

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
GOOD, BAD = {"refund": "refund", "hours": "hours"}, {"refund": "hours"}


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setattr(Engine, "load", staticmethod(load_table))
    (tmp_path / "golden.csv").write_text("question,id\nrefund,refund\nhours,hours\nrain,\n", "utf-8")
    (tmp_path / "config.toml").write_text('[models]\ngolden = ["golden.csv"]\nkeep = 3\n', "utf-8")
    return load(tmp_path / "config.toml")


def statuses(store: Any) -> dict[str, str]:
    return {model.fingerprint: model.status for model in store.models()}


def test_the_first_model_is_promoted_whatever_it_answers(config: Config) -> None:
    name = registered(config, BAD)
    report = models.promote_if_no_worse(config, name, note="the first")
    record = models.registry_of(config).find(name)
    assert (report.verdict, record.status, record.card.note) == ("first", "current", "the first")
    assert config.model_path.joinpath("manifest.json").exists()


def test_a_better_model_takes_over_and_what_the_golden_questions_said_is_kept(config: Config) -> None:
    models.promote_if_no_worse(config, registered(config, BAD))
    name = registered(config, GOOD)
    report = models.promote_if_no_worse(config, name)
    card = models.registry_of(config).find("current").card
    assert (report.verdict, card.fingerprint) == ("no worse", name)
    assert (card.metrics["golden"]["well"], card.metrics["golden"]["beside"]) == (3, report.current)


def test_a_worse_model_is_rejected_and_the_one_in_use_stays(config: Config) -> None:
    good = registered(config, GOOD)
    models.promote_if_no_worse(config, good)
    bad = registered(config, BAD)
    assert models.promote_if_no_worse(config, bad).verdict == "worse"
    registry = models.registry_of(config)
    assert (registry.current(), registry.find(bad).status) == (good, "rejected")


def test_without_golden_questions_a_second_model_stays_a_candidate(config: Config) -> None:
    models.promote_if_no_worse(config, registered(config, GOOD), golden=())
    name = registered(config, {**GOOD, "x": "refund"})
    assert models.promote_if_no_worse(config, name, golden=()).verdict == "untested"
    assert models.registry_of(config).find(name).status == "candidate"


def test_a_model_in_use_that_cannot_be_read_counts_as_none(config: Config) -> None:
    models.promote_if_no_worse(config, registered(config, GOOD))
    next(config.model_path.glob("*-*.json")).write_bytes(b"rot")
    name = registered(config, BAD)
    assert models.promote_if_no_worse(config, name).verdict == "first"
    assert models.registry_of(config).current() == name


def test_golden_questions_that_cannot_be_read_change_nothing(config: Config) -> None:
    name = registered(config, GOOD)
    with pytest.raises(KnowledgeError):
        models.promote_if_no_worse(config, name, golden=(config.home / "absent.csv",))
    assert models.registry_of(config).current() == ""


def test_what_is_no_model_cannot_be_registered_or_judged(config: Config) -> None:
    with pytest.raises(CheckpointError, match="no model here"):
        models.register(config, config.home / "nothing")
    name = registered(config, GOOD)
    next((config.models_path / name).glob("*-*.json")).write_bytes(b"rot")
    with pytest.raises(NoModel, match="damaged"):
        models.judge_model(config, name)


def test_a_model_registers_with_its_origin_and_the_oldest_go(config: Config) -> None:
    first = registered(config, GOOD)
    models.promote_if_no_worse(config, first)
    names = [registered(config, {**GOOD, str(number): "refund"}) for number in range(4)]
    registry = models.registry_of(config)
    assert {record.name for record in registry.records()} == {first, *names[2:]}
    folder = a_table_model(config.home / "tuned", {"a": "refund"})
    name = models.register(config, folder, kind="finetune", parent=first, data="d", metrics={"bleu": 9.5}, note="n")
    card = registry.find(name).card
    assert (card.kind, card.parent, card.data, card.metrics, card.note) == ("finetune", first, "d", {"bleu": 9.5}, "n")


def test_the_sample_has_golden_questions_and_a_faq_of_ones_own_has_none(tmp_path: Path) -> None:
    sample = Config(home=tmp_path)
    assert [path.name for path in models.golden_files(sample)] == ["test_questions.csv"]
    sample.data.mkdir()
    sample.imported_knowledge.touch()
    assert models.golden_files(sample) == ()


def test_the_list_follows_the_folders_and_is_made_anew_from_them(config: Config) -> None:
    good, bad = registered(config, GOOD), registered(config, BAD)
    models.promote_if_no_worse(config, good)
    models.promote_if_no_worse(config, bad)
    store, registry = InMemoryStore(), models.registry_of(config)
    models.write_list(store, registry)
    assert statuses(store) == {good: "current", bad: "rejected"}
    before = list(store.models())
    lost = InMemoryStore()
    models.write_list(lost, registry)
    assert list(lost.models()) == before


def test_a_model_whose_folder_is_gone_stays_listed_but_not_in_use(config: Config) -> None:
    store, registry = InMemoryStore(), models.registry_of(config)
    with store.write() as work:
        work.keep_model(StoredModel("0" * 32, NOON, status="current"))
        work.keep_model(StoredModel("1" * 32, NOON, status="rejected"))
        work.commit()
    models.write_list(store, registry)
    assert statuses(store) == {"0" * 32: "current", "1" * 32: "rejected"}  # there is no registry that says otherwise
    name = registered(config, GOOD)
    models.promote_if_no_worse(config, name)
    models.write_list(store, registry)
    assert statuses(store) == {name: "current", "0" * 32: "retired", "1" * 32: "rejected"}
    shutil.rmtree(config.models_path / name)
    models.write_list(store, registry)
    assert statuses(store)[name] == "current"  # the copy in use is still there


def test_nothing_is_written_where_nothing_changed(config: Config) -> None:
    class Counted(InMemoryStore):
        writes = 0

        def write(self) -> Any:
            self.writes += 1
            return super().write()

    store = Counted()
    registered(config, GOOD)
    for _ in range(3):
        models.write_list(store, models.registry_of(config))
    assert store.writes == 1
