"""The index in a model folder: added to in one step, mapped, refused when it is damaged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from engine import checkpoint
from engine.errors import CheckpointError
from engine.retrieval import shelf
from engine.retrieval.index import QuestionIndex
from engine.retrieval.segment import Item

ROOT = Path(__file__).parents[2]
NONE = np.zeros(0, np.int64)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model with an index of fifty entries, and other things."""
    index = QuestionIndex.build(Item(place, (f"question number {place}",), "yes") for place in range(50))
    checkpoint.write(tmp_path / "model", {"knowledge.json": b"[]", **shelf.files(index)}, {"note": "kept"})
    return tmp_path / "model"


def found(folder: Path, text: str) -> list[int]:
    """The places that a fresh reader finds for a text, best first."""
    shown = shelf.read(checkpoint.read(folder)).search(text).shown(10, NONE)
    return shown.places[np.argsort(-(shown.words + shown.grams), kind="stable")].tolist()


def segments(folder: Path) -> list[str]:
    return sorted(name for name in checkpoint.read(folder).files if name.startswith("questions-"))


def test_what_was_written_is_found_by_a_reader(folder: Path) -> None:
    assert segments(folder) == ["questions-1.safetensors"]
    assert found(folder, "question number 7")[0] == 7


def test_what_is_put_is_found_by_the_next_reader_and_the_rest_is_untouched(folder: Path) -> None:
    before = checkpoint.read(folder)
    fingerprint = shelf.put(folder, [Item(50, ("where is my parcel",))])
    after = checkpoint.read(folder)
    assert fingerprint == after.fingerprint != before.fingerprint
    assert found(folder, "my parcel") == [50]
    assert found(folder, "question number 7")[0] == 7
    assert after.facts == {"note": "kept"}
    assert {name: after.files[name] for name in before.files} == before.files
    assert segments(folder) == ["questions-1.safetensors", "questions-2.safetensors"]


def test_a_reader_from_before_goes_on_with_what_it_has(folder: Path) -> None:
    index = shelf.read(checkpoint.read(folder))
    shelf.put(folder, [Item(7, ("something else",))])
    shelf.compact(folder)
    assert index.search("question number 7").shown(1, NONE).places.tolist() == [7]
    assert 7 not in found(folder, "question number 7")


def test_the_knowledge_can_be_replaced_in_the_same_step(folder: Path) -> None:
    shelf.put(folder, [Item(50, ("new",))], others={"knowledge.json": b'["new"]'}, facts={"knowledge": "digest"})
    model = checkpoint.read(folder)
    assert model.path("knowledge.json").read_bytes() == b'["new"]'
    assert model.facts == {"note": "kept", "knowledge": "digest"}


def test_entries_are_replaced_and_removed(folder: Path) -> None:
    shelf.put(folder, [Item(7, ("where is my parcel",)), Item(8)])
    assert found(folder, "my parcel") == [7]
    assert not {7, 8} & set(found(folder, "question number 7"))
    assert not {7, 8} & set(found(folder, "question number 8"))


def test_many_additions_leave_few_files_and_compacting_one(folder: Path) -> None:
    for place in range(50, 90):
        shelf.put(folder, [Item(place, (f"addition number {place}",))])
    assert len(segments(folder)) <= 6
    assert len(list(folder.iterdir())) == len(checkpoint.read(folder).files) + 1
    before = [found(folder, f"addition number {place}") for place in range(50, 90)]
    shelf.compact(folder)
    assert len(segments(folder)) == 1
    assert [found(folder, f"addition number {place}") for place in range(50, 90)] == before


def test_compacting_one_segment_changes_nothing(folder: Path) -> None:
    before = checkpoint.read(folder)
    assert shelf.compact(folder) == before.fingerprint
    assert checkpoint.read(folder).files == before.files


@pytest.mark.parametrize("name", ["questions-1.safetensors", "questions-2.safetensors"])
@pytest.mark.parametrize("place", [0, 9, 5000, -1])
def test_a_damaged_segment_is_refused_with_its_name(folder: Path, name: str, place: int) -> None:
    shelf.put(folder, [Item(place, ("question " * 300 + str(place),)) for place in range(50, 70)])
    path = checkpoint.read(folder).path(name)
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(CheckpointError, match=f"{name} is damaged"):
        checkpoint.read(folder)


def test_a_missing_or_truncated_segment_is_refused_with_its_name(folder: Path) -> None:
    path = checkpoint.read(folder).path("questions-1.safetensors")
    os.truncate(path, 100)
    with pytest.raises(CheckpointError, match=r"questions-1\.safetensors is damaged: 100 bytes"):
        checkpoint.read(folder)
    path.unlink()
    with pytest.raises(CheckpointError, match=f"{path.name} of the model is missing"):
        checkpoint.read(folder)


def test_a_model_without_an_index_says_so(tmp_path: Path) -> None:
    checkpoint.write(tmp_path, {"knowledge.json": b"[]"}, {})
    with pytest.raises(CheckpointError, match=r"lacks questions-1\.safetensors"):
        shelf.read(checkpoint.read(tmp_path))
    with pytest.raises(CheckpointError, match=r"lacks questions-1\.safetensors"):
        shelf.put(tmp_path, [Item(0, ("hello",))])
    with pytest.raises(CheckpointError, match="no model here"):
        shelf.put(tmp_path / "nowhere", [Item(0, ("hello",))])


def test_an_index_of_another_version_is_refused_with_what_it_lacks(folder: Path) -> None:
    model = checkpoint.read(folder)
    arrays = model.arrays("questions-1.safetensors")
    del arrays["spread"]
    checkpoint.write(folder, {"questions-1.safetensors": arrays}, {})
    with pytest.raises(CheckpointError, match=r"questions-1\.safetensors lacks 'spread'"):
        shelf.read(checkpoint.read(folder))


def test_two_items_of_one_place_change_nothing(folder: Path) -> None:
    before = checkpoint.read(folder).fingerprint
    with pytest.raises(ValueError, match="same place"):
        shelf.put(folder, [Item(50, ("a",)), Item(50, ("b",))])
    assert checkpoint.read(folder).fingerprint == before


ADDING = """
    import sys
    from itertools import count
    from pathlib import Path
    from engine.retrieval import shelf
    from engine.retrieval.segment import Item
    folder, first = Path(sys.argv[1]), int(sys.argv[2])
    for place in count(first):
        shelf.put(folder, [Item(place, (f"addition number {place}",))], others={"knowledge.json": str(place).encode()})
        print(place, flush=True)
    """


def test_kill_nine_at_any_moment_leaves_the_index_of_before_or_of_after(folder: Path) -> None:
    place = 50
    for round_ in range(6):
        command = [sys.executable, "-c", textwrap.dedent(ADDING), str(folder), str(place)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as writer:
            for _ in range(round_ + 2):
                said = writer.stdout.readline()
            writer.kill()
            rest = writer.stdout.read()
        last = int((rest.split() or [said])[-1])
        model = checkpoint.read(folder)
        known = json.loads(model.path("knowledge.json").read_bytes())
        assert known in (last, last + 1)
        index = shelf.read(model)
        assert index.holds(np.arange(known + 2)).tolist() == [True] * (known + 1) + [False]
        assert found(folder, f"addition number {known}")[0] == known
        place = known + 1
    shelf.put(folder, [Item(place, ("the last one",))])
    assert len(list(folder.iterdir())) == len(checkpoint.read(folder).files) + 1


def test_those_who_add_at_the_same_time_wait_for_each_other(folder: Path) -> None:
    program = """
        import sys
        from pathlib import Path
        from engine.retrieval import shelf
        from engine.retrieval.segment import Item
        for place in range(int(sys.argv[2]), int(sys.argv[2]) + 10):
            shelf.put(Path(sys.argv[1]), [Item(place, (f"addition number {place}",))])
        """
    command = [sys.executable, "-c", textwrap.dedent(program), str(folder)]
    writers = [subprocess.Popen([*command, str(first)], cwd=ROOT) for first in (100, 200, 300)]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0, 0]
    index = shelf.read(checkpoint.read(folder))
    assert index.holds(np.asarray([*range(100, 110), *range(200, 210), *range(300, 310)])).all()
    assert len(index) == 80
