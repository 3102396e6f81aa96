"""The registry: what is kept stays, what is in use is whole, and there is always a way back."""

from __future__ import annotations

import json
import shutil
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_models import NOON, a_model, a_registry, word_in

from engine import checkpoint
from engine.errors import CheckpointError
from engine.models.card import Card
from engine.models.registry import Registry


def statuses(registry: Registry) -> dict[str, str]:
    return {word_in(record.folder): record.status for record in registry.records()}


def damage(folder: Path) -> None:
    next(folder.glob("weights-*")).write_bytes(b"rot")


def test_a_registry_that_is_not_there_is_empty(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "models", tmp_path / "model")
    assert (registry.records(), registry.current(), registry.previous()) == ([], "", "")
    assert list(tmp_path.iterdir()) == []


def test_a_model_is_kept_whole_under_its_fingerprint_with_what_is_known_of_it(tmp_path: Path) -> None:
    registry, _ = a_registry(tmp_path)
    made = a_model(tmp_path, "oak")
    name = registry.add(made, Card("", NOON, "finetune", "p" * 32, "d", {"bleu": 3.5}, note="weekly"))
    shutil.rmtree(made.folder)
    (record,) = registry.records()
    assert (record.name, record.folder.name, record.status, record.problem) == (name, name, "candidate", "")
    assert record.card == Card(name, NOON, "finetune", "p" * 32, "d", {"bleu": 3.5}, note="weekly")
    assert word_in(record.folder) == "oak"
    assert record.bytes > 40


def test_files_that_were_never_a_folder_can_be_kept(tmp_path: Path) -> None:
    registry, _ = a_registry(tmp_path)
    name = registry.write({"weights.json": b"oak" * 10}, {"word": "oak", "knowledge": "faq of oak"})
    assert name == a_model(tmp_path, "oak").fingerprint
    assert registry.find(name).card.data == "faq of oak"


def test_keeping_a_model_twice_keeps_it_once_and_what_was_known_of_it(tmp_path: Path) -> None:
    registry, (name,) = a_registry(tmp_path, "oak")
    registry.note(name, note="good")
    assert registry.add(a_model(tmp_path, "oak")) == name
    assert [record.card.note for record in registry.records()] == ["good"]


def test_a_damaged_copy_is_replaced_by_a_whole_one(tmp_path: Path) -> None:
    registry, (name,) = a_registry(tmp_path, "oak")
    damage(registry.folder / name)
    assert registry.add(a_model(tmp_path, "oak")) == name
    assert statuses(registry) == {"oak": "candidate"}


def test_a_promoted_model_lies_where_the_bot_reads_it(tmp_path: Path) -> None:
    registry, (oak, elm) = a_registry(tmp_path, "oak", "elm")
    assert registry.promote(oak, at=NOON) == ""
    assert registry.promote(elm, at=NOON, note="more questions") == oak
    assert (word_in(registry.current_folder), registry.current(), registry.previous()) == ("elm", elm, oak)
    assert statuses(registry) == {"elm": "current", "oak": "retired"}
    assert (registry.find(elm).card.promoted_at, registry.find(elm).card.note) == (NOON, "more questions")


def test_promoting_what_is_in_use_changes_nothing(tmp_path: Path) -> None:
    registry, (oak,) = a_registry(tmp_path, "oak")
    registry.promote(oak, at=NOON)
    manifest = (registry.current_folder / "manifest.json").stat()
    assert registry.promote(oak, at=NOON + timedelta(days=9)) == oak
    assert (registry.current_folder / "manifest.json").stat() == manifest
    assert registry.find(oak).card.promoted_at == NOON
    assert registry.previous() == ""


def test_going_back_goes_on_back_to_the_first(tmp_path: Path) -> None:
    registry, (oak, elm, ash) = a_registry(tmp_path, "oak", "elm", "ash")
    for name in (oak, elm, ash):
        registry.promote(name, at=NOON)
    assert registry.rollback(at=NOON) == (ash, elm)
    assert registry.rollback(at=NOON) == (elm, oak)
    assert word_in(registry.current_folder) == "oak"
    with pytest.raises(CheckpointError, match="no model before this one"):
        registry.rollback(at=NOON)
    assert statuses(registry) == {"oak": "current", "elm": "retired", "ash": "retired"}


def test_after_going_back_another_way_can_be_taken(tmp_path: Path) -> None:
    registry, (oak, elm, ash) = a_registry(tmp_path, "oak", "elm", "ash")
    registry.promote(oak, at=NOON)
    registry.promote(elm, at=NOON)
    registry.rollback(at=NOON)
    registry.promote(ash, at=NOON)
    assert registry.previous() == oak


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(["oak", "elm", "ash", "back"]), max_size=8))
def test_whatever_is_done_the_way_back_is_that_of_a_pile(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    registry, names = a_registry(tmp_path_factory.mktemp("pile"), "oak", "elm", "ash")
    by_word = dict(zip(("oak", "elm", "ash"), names, strict=True))
    pile: list[str] = []
    for step in steps:
        if step != "back":
            registry.promote(by_word[step], at=NOON)
            pile += [step] if pile[-1:] != [step] else []
        elif len(pile) > 1:
            registry.rollback(at=NOON)
            pile.pop()
        else:
            with pytest.raises(CheckpointError):
                registry.rollback(at=NOON)
        if pile:
            assert word_in(registry.current_folder) == pile[-1]
            assert registry.previous() == (by_word[pile[-2]] if pile[1:] else "")


def test_a_model_that_somebody_else_put_in_use_is_kept_before_it_is_replaced(tmp_path: Path) -> None:
    registry, (oak,) = a_registry(tmp_path, "oak")
    elm = checkpoint.write(registry.current_folder, {"weights.json": b"elm"}, {"word": "elm"})
    assert {record.name: record.status for record in registry.records()} == {elm: "current", oak: "candidate"}
    assert registry.promote(oak, at=NOON) == elm
    assert registry.rollback(at=NOON) == (oak, elm)
    assert word_in(registry.current_folder) == "elm"


def test_a_damaged_model_is_not_promoted_and_shown_as_damaged(tmp_path: Path) -> None:
    registry, (oak, elm) = a_registry(tmp_path, "oak", "elm")
    registry.promote(oak, at=NOON)
    damage(registry.folder / elm)
    with pytest.raises(CheckpointError, match="damaged"):
        registry.promote(elm, at=NOON)
    assert word_in(registry.current_folder) == "oak"
    assert {record.name: "damaged" in record.problem for record in registry.records()} == {oak: False, elm: True}
    assert registry.find(elm).card.data == "faq of elm"  # its card is still there


def test_a_damaged_model_in_use_is_shown_and_can_be_replaced_or_repaired(tmp_path: Path) -> None:
    registry, (oak, elm) = a_registry(tmp_path, "oak", "elm")
    registry.promote(oak, at=NOON)
    damage(registry.current_folder)
    assert "promote it again" in registry.find("current").problem
    registry.promote(oak, at=NOON)
    assert (word_in(registry.current_folder), registry.find(oak).problem) == ("oak", "")
    damage(registry.current_folder)
    registry.promote(elm, at=NOON)
    assert (word_in(registry.current_folder), registry.previous()) == ("elm", oak)


def test_the_way_back_to_a_damaged_model_is_closed_with_a_reason(tmp_path: Path) -> None:
    registry, (oak, elm) = a_registry(tmp_path, "oak", "elm")
    registry.promote(oak, at=NOON)
    registry.promote(elm, at=NOON)
    damage(registry.folder / oak)
    with pytest.raises(CheckpointError, match=r"the model before cannot be used .*; promote another by name"):
        registry.rollback(at=NOON)
    shutil.rmtree(registry.folder / oak)
    with pytest.raises(CheckpointError, match="the model before cannot be used"):
        registry.rollback(at=NOON)
    assert word_in(registry.current_folder) == "elm"


def test_what_does_not_belong_there_is_shown_and_left_alone(tmp_path: Path) -> None:
    registry, (oak, elm) = a_registry(tmp_path, "oak", "elm")
    shutil.copytree(registry.folder / oak, registry.folder / "my backup")
    shutil.copytree(registry.folder / oak, registry.folder / ("0" * 32))
    (registry.folder / "notes.txt").write_text("hello", "utf-8")
    (registry.folder / "empty").mkdir()
    problems = {record.folder.name: record.problem for record in registry.records()}
    assert problems[oak] == problems[elm] == ""
    assert f"the folder holds another model, {oak[:12]}" in problems["my backup"]
    assert "another model" in problems["0" * 32]
    assert "no model here" in problems["empty"]
    registry.prune(0)
    assert {path.name for path in registry.folder.iterdir()} >= {"my backup", "notes.txt", "empty"}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"promoted": 5}', '{"promoted": [null, "x"]}', "\x00", "[" * 9999])
def test_a_damaged_history_closes_no_way_forward(tmp_path: Path, text: str) -> None:
    registry, (oak, elm, ash) = a_registry(tmp_path, "oak", "elm", "ash")
    registry.promote(oak, at=NOON)
    registry.promote(elm, at=NOON)
    (registry.folder / "history.json").write_text(text, "utf-8")
    assert registry.previous() == ""
    assert registry.promote(ash, at=NOON) == elm
    assert registry.rollback(at=NOON) == (ash, elm)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 9}', "\x00"])
def test_a_damaged_card_says_so_and_the_model_can_be_used(tmp_path: Path, text: str) -> None:
    registry, (oak,) = a_registry(tmp_path, "oak")
    (registry.folder / oak / "card.json").write_text(text, "utf-8")
    assert "card.json cannot be read" in registry.find(oak).card.note
    assert registry.find(oak).card.data == "faq of oak"
    registry.promote(oak, at=NOON)
    assert registry.current() == oak


def test_without_its_card_a_model_is_known_from_its_manifest(tmp_path: Path) -> None:
    registry, (oak,) = a_registry(tmp_path, "oak")
    (registry.folder / oak / "card.json").unlink()
    assert (registry.find(oak).card.data, registry.find(oak).card.note) == ("faq of oak", "")


def test_a_name_is_a_beginning_that_fits_one_model(tmp_path: Path) -> None:
    registry, (oak,) = a_registry(tmp_path, "oak")
    for name in (oak, oak[:1], oak[:12], oak.upper()):
        assert registry.find(name).name == oak
    registry.promote(oak, at=NOON)
    assert registry.find("current").name == oak
    twin = registry.folder / (oak[:-1] + ("0" if oak[-1] != "0" else "1"))
    shutil.copytree(registry.folder / oak, twin)
    with pytest.raises(CheckpointError, match="fits several models"):
        registry.find(oak[:8])
    assert registry.find(oak).name == oak


@pytest.mark.parametrize(
    "name", ["", "..", "../model", "/etc", "history.json", "current", "xyz", "é", "0" * 33, "a\0b"]
)
def test_a_name_that_fits_none_is_refused(tmp_path: Path, name: str) -> None:
    registry, _ = a_registry(tmp_path, "oak")
    with pytest.raises(CheckpointError, match="there is no model"):
        registry.find(name)


def test_the_oldest_go_but_never_the_one_in_use_nor_the_one_before(tmp_path: Path) -> None:
    registry, names = a_registry(tmp_path, *"abcdef")
    registry.promote(names[0], at=NOON)
    registry.promote(names[1], at=NOON)
    assert sorted(registry.prune(3)) == sorted(names[2:5])
    assert statuses(registry) == {"a": "retired", "b": "current", "f": "candidate"}
    assert registry.prune(3) == []
    assert registry.prune(0, spare=names[5]) == []


def test_what_a_killed_process_left_is_swept_away(tmp_path: Path) -> None:
    registry, (oak,) = a_registry(tmp_path, "oak")
    for name in (".part-abc", ".gone-abc"):
        shutil.copytree(registry.folder / oak, registry.folder / name)
    assert [record.name for record in registry.records()] == [oak]
    registry.promote(oak, at=NOON)
    assert sorted(path.name for path in registry.folder.iterdir()) == sorted([oak, "history.json"])


def test_a_promotion_that_was_cut_short_never_happened(tmp_path: Path) -> None:
    registry, (oak, elm, ash) = a_registry(tmp_path, "oak", "elm", "ash")
    registry.promote(oak, at=NOON)
    (registry.folder / "history.json").write_text(json.dumps({"promoted": [oak, elm]}), "utf-8")
    assert statuses(registry) == {"oak": "current", "elm": "candidate", "ash": "candidate"}
    registry.promote(ash, at=NOON)
    assert registry.previous() == oak


def test_a_model_is_put_in_the_place_of_the_one_it_was_judged_beside_or_not_at_all(tmp_path: Path) -> None:
    registry, (oak, elm, ash) = a_registry(tmp_path, "oak", "elm", "ash")
    registry.promote(oak, at=NOON, instead_of="")
    registry.promote(elm, at=NOON, instead_of=oak)
    with pytest.raises(CheckpointError, match="another model came into use while"):
        registry.promote(ash, at=NOON, instead_of=oak)
    assert word_in(registry.current_folder) == "elm"


def test_many_who_promote_at_once_end_with_one_of_them(tmp_path: Path) -> None:
    registry, names = a_registry(tmp_path, *"abcd")
    begin, failures = threading.Barrier(4), []

    def run(name: str) -> None:
        begin.wait()
        try:
            for _ in range(3):
                Registry(registry.folder, registry.current_folder).promote(name, at=NOON)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert checkpoint.read(registry.current_folder).fingerprint in names
    assert sorted(statuses(registry).values()) == ["current", "retired", "retired", "retired"]
    assert registry.previous() in names


def test_what_was_mapped_of_the_model_before_can_still_be_read(tmp_path: Path) -> None:
    registry, (oak, elm) = a_registry(tmp_path, "oak", "elm")
    registry.promote(oak, at=NOON)
    in_use = checkpoint.read(registry.current_folder)
    mapped = in_use._data["weights.json"]
    registry.promote(elm, at=NOON)
    assert not in_use.files["weights.json"].exists()
    assert mapped[:] == b"oak" * 10
