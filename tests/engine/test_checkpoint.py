"""Model folders: whole at any moment, and refused with a reason when they are not."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import mmap
import os
import pickle
import resource
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import checkpoint
from engine.errors import CheckpointError

ROOT = Path(__file__).parents[2]
ARRAYS = {"weights": np.arange(12, dtype=np.float32).reshape(3, 4), "places": np.asarray([2, 5], np.int64)}
FILES = {"weights.safetensors": checkpoint.arrays_to_bytes(ARRAYS), "knowledge.json": b'["a", "b"]'}
OTHERS = FILES | {"knowledge.json": b'["c"]'}
FACTS = {"sizes": {"hidden": 4}, "thresholds": {"answer": 0.6}, "note": "über 早上", "odd": 1e-300}


def _file(header: str, data: bytes) -> bytes:
    return len(header).to_bytes(8, "little") + header.encode() + data


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a whole model."""
    checkpoint.write(tmp_path / "model", FILES, FACTS)
    return tmp_path / "model"


def contents(folder: Path) -> dict[str, bytes]:
    """What a reader gets of the model."""
    return {name: path.read_bytes() for name, path in checkpoint.read(folder).files.items()}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def file_of(folder: Path, name: str) -> Path:
    return checkpoint.read(folder).path(name)


def refusal(folder: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        checkpoint.read(folder)
    assert str(folder) in str(caught.value)
    return str(caught.value)


def change_manifest(folder: Path, change: Callable[[dict[str, Any]], Any], *, signed: bool = False) -> None:
    path = folder / checkpoint.MANIFEST
    manifest = json.loads(path.read_text("utf-8"))
    change(manifest)
    if signed:
        body = {key: value for key, value in manifest.items() if key != "fingerprint"}
        text = json.dumps(body, ensure_ascii=True, sort_keys=True)
        manifest["fingerprint"] = hashlib.sha256(text.encode("ascii")).hexdigest()[:32]
    path.write_text(json.dumps(manifest), "utf-8")


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    fingerprint = checkpoint.write(tmp_path / "deep" / "model", FILES, FACTS)
    found = checkpoint.read(tmp_path / "deep" / "model")
    assert (found.fingerprint, found.facts) == (fingerprint, FACTS)
    assert contents(found.folder) == FILES
    arrays = found.arrays("weights.safetensors")
    assert arrays.keys() == ARRAYS.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, ARRAYS[name])
        assert array.dtype == ARRAYS[name].dtype


@settings(max_examples=15, deadline=None)
@given(
    st.dictionaries(st.from_regex(r"[a-z]{1,8}\.(json|safetensors)", fullmatch=True), st.binary(max_size=40)),
    st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)),
)
def test_any_files_and_facts_come_back(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes], facts: dict[str, Any]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    checkpoint.write(folder, files, facts)
    assert contents(folder) == files
    assert checkpoint.read(folder).facts == facts


@settings(max_examples=30, deadline=None)
@given(
    st.dictionaries(
        st.text(min_size=1, max_size=5),
        st.tuples(
            st.sampled_from(["<f4", "<f2", "<i8", "<i4", "|u1", "<u8", "|b1"]), st.lists(st.integers(0, 3), max_size=3)
        ),
        max_size=4,
    )
)
def test_arrays_of_any_shape_come_back_from_a_file_that_the_library_of_the_format_reads_as_well(
    tmp_path_factory: pytest.TempPathFactory, kinds: dict[str, tuple[str, list[int]]]
) -> None:
    arrays = {name: np.arange(math.prod(shape)).astype(kind).reshape(shape) for name, (kind, shape) in kinds.items()}
    folder = tmp_path_factory.mktemp("arrays")
    checkpoint.write(folder, {"one.safetensors": arrays, "two.safetensors": safetensors.numpy.save(arrays)}, {})
    found = checkpoint.read(folder)
    for read in (
        found.arrays("one.safetensors"),
        found.arrays("two.safetensors"),
        safetensors.numpy.load_file(found.path("one.safetensors")),
    ):
        assert read.keys() == arrays.keys()
        for name, array in arrays.items():
            assert (read[name].shape, read[name].dtype) == (array.shape, array.dtype)
            np.testing.assert_array_equal(read[name], array)
    assert found.path("one.safetensors").read_bytes() == checkpoint.arrays_to_bytes(arrays)


def test_arrays_are_mapped_and_what_is_written_into_them_stays_here(folder: Path) -> None:
    found = checkpoint.read(folder)
    array = found.arrays("weights.safetensors")["weights"]
    array[0, 0] = 99.0
    assert contents(folder) == FILES
    assert checkpoint.read(folder).arrays("weights.safetensors")["weights"][0, 0] == 0.0
    base = array
    while isinstance(base, np.ndarray):
        base = base.base
    assert isinstance(base.obj if isinstance(base, memoryview) else base, mmap.mmap)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x02\x00",
        b"\xff" * 8 + b"{}",
        b"\x02" + bytes(7) + b"[]",
        b"\x09" + bytes(7) + b'{"a": {}}',
        _file('{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}', bytes(4)),
        _file('{"a": {"dtype": "F32", "shape": [2], "data_offsets": [-8, 0]}}', bytes(8)),
        _file('{"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}}', bytes(8)),
        _file('{"a": {"dtype": "F99", "shape": [2], "data_offsets": [0, 8]}}', bytes(8)),
        _file('{"a": {"dtype": "U8", "shape": [-1, -8], "data_offsets": [0, 8]}}', bytes(8)),
    ],
)
def test_what_is_no_safetensors_file_is_refused(tmp_path: Path, data: bytes) -> None:
    checkpoint.write(tmp_path, {"weights.safetensors": data}, {})
    with pytest.raises(CheckpointError, match=r"weights\.safetensors cannot be read"):
        checkpoint.read(tmp_path).arrays("weights.safetensors")


def test_the_fingerprint_changes_with_any_file_and_any_fact(tmp_path: Path) -> None:
    models = [(FILES, FACTS), (OTHERS, FACTS), (FILES, FACTS | {"note": "other"}), (FILES, FACTS)]
    found = [checkpoint.write(tmp_path / str(number), *model) for number, model in enumerate(models)]
    assert len(set(found)) == 3
    assert found[0] == found[3]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("place", [0, 5, -1])
def test_a_flipped_byte_is_found_and_its_file_named(folder: Path, name: str, place: int) -> None:
    path = file_of(folder, name)
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(bytes(data))
    assert f"{name} is damaged" in refusal(folder)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("left", [0, 3])
def test_a_truncated_file_is_found_and_named(folder: Path, name: str, left: int) -> None:
    os.truncate(file_of(folder, name), left)
    assert f"{name} is damaged: {left} bytes" in refusal(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    path = file_of(folder, name)
    path.unlink()
    assert f"{path.name} of the model is missing" in refusal(folder)


def test_a_file_that_grew_is_found(folder: Path) -> None:
    with file_of(folder, "knowledge.json").open("ab") as file:
        file.write(b" ")
    assert "knowledge.json is damaged" in refusal(folder)


def test_every_single_byte_of_the_manifest_is_guarded(folder: Path) -> None:
    path = folder / checkpoint.MANIFEST
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        refusal(folder)
    for left in range(0, len(whole), 7):
        path.write_bytes(whole[:left])
        refusal(folder)


def test_a_folder_without_a_model_says_so(tmp_path: Path) -> None:
    assert "no model here" in refusal(tmp_path)
    assert "no model here" in refusal(tmp_path / "nowhere")


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model").write_text("not a folder")
    assert "manifest.json cannot be read" in refusal(tmp_path / "model")


def test_a_folder_in_place_of_a_file_is_refused(folder: Path) -> None:
    path = file_of(folder, "knowledge.json")
    path.unlink()
    path.mkdir()
    assert "missing or unreadable" in refusal(folder)


@pytest.mark.parametrize(
    "text", ["{}", "[]", "null", '"manifest"', "7", '{"kind": "other-model", "format": 2}', '{"name": "a web app"}']
)
def test_foreign_json_is_not_a_model(folder: Path, text: str) -> None:
    (folder / checkpoint.MANIFEST).write_text(text)
    assert "not that of an Attendant model" in refusal(folder)


@pytest.mark.parametrize("data", [b"", b"\x80\x04K\x01.", b"{", b"\xff\xfe{", b"[" * 200_000])
def test_what_is_no_json_cannot_be_read(folder: Path, data: bytes) -> None:
    (folder / checkpoint.MANIFEST).write_bytes(data)
    assert "manifest.json cannot be read" in refusal(folder)


@pytest.mark.parametrize("later", [checkpoint.FORMAT - 1, checkpoint.FORMAT + 1, str(checkpoint.FORMAT), None])
def test_another_format_is_named(folder: Path, later: object) -> None:
    change_manifest(folder, lambda manifest: manifest.update(format=later), signed=True)
    assert f"a model of format {later!r}, this version reads {checkpoint.FORMAT}" in refusal(folder)


def test_a_changed_fact_is_noticed(folder: Path) -> None:
    change_manifest(folder, lambda manifest: manifest["facts"]["thresholds"].update(answer=0.0))
    assert "was changed after it was written" in refusal(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: manifest.pop("files"),
        lambda manifest: manifest.pop("facts"),
        lambda manifest: manifest.update(files=["weights.safetensors"]),
        lambda manifest: manifest["files"].update({"knowledge.json": {}}),
        lambda manifest: manifest["files"].update({"knowledge.json": None}),
    ],
)
def test_a_manifest_of_another_shape_is_damaged(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    change_manifest(folder, change, signed=True)
    assert "manifest.json is damaged" in refusal(folder)


@pytest.mark.parametrize("name", ["", ".", "/", "a\0b", "../../etc/passwd", "\udcff"])
def test_a_manifest_cannot_lead_out_of_its_folder(folder: Path, name: str) -> None:
    change_manifest(folder, lambda manifest: manifest["files"]["knowledge.json"].update(file=name), signed=True)
    assert "missing or unreadable" in refusal(folder)


def test_a_missing_fingerprint_is_damage(folder: Path) -> None:
    change_manifest(folder, lambda manifest: manifest.pop("fingerprint"))
    assert "manifest.json is damaged" in refusal(folder)


def test_a_file_the_model_does_not_have_is_named(folder: Path) -> None:
    found = checkpoint.read(folder)
    with pytest.raises(CheckpointError, match=r"lacks index\.safetensors"):
        found.path("index.safetensors")
    with pytest.raises(CheckpointError, match=r"lacks index\.safetensors"):
        found.arrays("index.safetensors")


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self._path,)


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    checkpoint.write(tmp_path / "model", {"weights.safetensors": pickle.dumps(Trap(sprung))}, {})
    found = checkpoint.read(tmp_path / "model")
    with pytest.raises(CheckpointError, match=r"weights\.safetensors cannot be read"):
        found.arrays("weights.safetensors")
    assert not sprung.exists()


def test_the_sources_of_the_engine_do_not_know_pickle() -> None:
    for path in (ROOT / "engine").rglob("*.py"):
        text = path.read_text("utf-8")
        assert not any(word in text for word in ("import pickle", "torch.load", "torch.save", "allow_pickle")), path


def test_a_new_model_takes_the_place_of_the_old_one_and_leaves_nothing_of_it(folder: Path) -> None:
    strange = folder / "notes.txt"
    strange.write_text("not ours")
    checkpoint.write(folder, OTHERS, FACTS)
    assert contents(folder) == OTHERS
    expected = {path.name for path in checkpoint.read(folder).files.values()} | {checkpoint.MANIFEST, "notes.txt"}
    assert names(folder) == expected


def test_what_a_crash_left_is_swept_by_the_next_model(folder: Path) -> None:
    (folder / "weights-0123456789abcdef.safetensors.part").write_bytes(b"half")
    (folder / "weights-0123456789abcdef.safetensors").write_bytes(b"whole, of a model that never came")
    (folder / "manifest.json.part").write_bytes(b"{")
    checkpoint.write(folder, OTHERS, FACTS)
    assert len(names(folder)) == len(OTHERS) + 1
    assert contents(folder) == OTHERS


def test_an_update_replaces_adds_and_drops_and_leaves_the_rest(folder: Path) -> None:
    before = checkpoint.read(folder)

    def change(model: checkpoint.Checkpoint) -> checkpoint.Change:
        assert model.facts == FACTS
        assert model.arrays("weights.safetensors").keys() == ARRAYS.keys()
        return checkpoint.Change({"more.json": b"1"}, ["knowledge.json"], {"note": "new", "more": 2})

    fingerprint = checkpoint.update(folder, change)
    after = checkpoint.read(folder)
    assert (after.fingerprint, after.facts) == (fingerprint, FACTS | {"note": "new", "more": 2})
    assert contents(folder) == {"weights.safetensors": FILES["weights.safetensors"], "more.json": b"1"}
    assert after.path("weights.safetensors") == before.path("weights.safetensors")
    assert names(folder) == {path.name for path in after.files.values()} | {checkpoint.MANIFEST}


def test_an_update_that_fails_leaves_the_model_as_it_was(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = names(folder)

    def fail(model: checkpoint.Checkpoint) -> checkpoint.Change:
        raise LookupError(model.fingerprint)

    with pytest.raises(LookupError):
        checkpoint.update(folder, fail)
    monkeypatch.setattr(os, "fsync", failing_at(3))
    with pytest.raises(OSError, match="no space left"):
        checkpoint.update(folder, lambda _: checkpoint.Change({"more.json": b"1"}))
    assert contents(folder) == FILES
    assert names(folder) == before


def test_an_update_of_nothing_is_the_same_model(folder: Path) -> None:
    fingerprint = checkpoint.read(folder).fingerprint
    assert checkpoint.update(folder, lambda _: checkpoint.Change()) == fingerprint


def test_an_update_does_not_read_what_it_leaves_alone_but_finds_what_is_gone(folder: Path) -> None:
    path = file_of(folder, "knowledge.json")
    path.write_bytes(path.read_bytes().replace(b"a", b"z"))
    checkpoint.update(folder, lambda _: checkpoint.Change({"more.json": b"1"}))
    assert "knowledge.json is damaged" in refusal(folder)
    path.unlink()
    with pytest.raises(CheckpointError, match="missing"):
        checkpoint.update(folder, lambda _: checkpoint.Change())


def test_there_is_nothing_to_update_where_no_model_is(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(CheckpointError, match="no model here"):
            checkpoint.update(folder, lambda _: checkpoint.Change())


def test_a_model_that_is_replaced_while_it_is_read_is_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = checkpoint._opened
    calls = 0

    def meanwhile(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2:
            checkpoint.write(folder, {"knowledge.json": b"[]"}, {})
        return opened(*arguments, **options)

    monkeypatch.setattr(checkpoint, "_opened", meanwhile)
    assert checkpoint.read(folder).files.keys() == {"knowledge.json"}


def failing_at(number: int) -> Callable[[int], None]:
    """An ``fsync`` that finds the disk full when it is called so many times."""
    calls = 0

    def fsync(file: int) -> None:
        nonlocal calls
        del file
        calls += 1
        if calls == number:
            raise OSError(errno.ENOSPC, "no space left on device")

    return fsync


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_a_full_disk_leaves_the_old_model_and_nothing_else(
    folder: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    before = names(folder)
    monkeypatch.setattr(os, "fsync", failing_at(number))
    with pytest.raises(OSError, match="no space left"):
        checkpoint.write(folder, {"weights.safetensors": b"other", "knowledge.json": b"{}"}, FACTS)
    assert contents(folder) == FILES
    assert names(folder) == before


def test_a_disk_that_fails_when_the_new_model_is_in_force_already_leaves_that_one_whole(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", failing_at(6))
    with pytest.raises(OSError, match="no space left"):
        checkpoint.write(folder, OTHERS, FACTS)
    assert contents(folder) == OTHERS


def test_a_failing_write_keeps_the_files_that_both_models_share(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = names(folder)
    monkeypatch.setattr(os, "fsync", failing_at(5))
    with pytest.raises(OSError, match="no space left"):
        checkpoint.write(folder, OTHERS, FACTS)
    assert contents(folder) == FILES
    assert names(folder) == before


def test_a_file_too_large_for_the_disk_leaves_the_old_model(folder: Path) -> None:
    before = names(folder)
    program = f"""
        import resource
        from pathlib import Path
        from engine import checkpoint
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
        files = {{"knowledge.json": b"[]", "weights.safetensors": bytes(300_000)}}
        try:
            checkpoint.write(Path({str(folder)!r}), files, {{}})
        except OSError as error:
            print(error.errno)
        """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert (done.stdout.strip(), done.stderr) == (str(errno.EFBIG), "")
    assert contents(folder) == FILES
    assert names(folder) == before
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY


def test_a_folder_that_cannot_be_made_is_an_error_of_the_system(tmp_path: Path) -> None:
    (tmp_path / "model").write_text("in the way")
    with pytest.raises(FileExistsError):
        checkpoint.write(tmp_path / "model", FILES, FACTS)
    assert (tmp_path / "model").read_text() == "in the way"


REWRITING = """
    import sys
    from itertools import count
    from pathlib import Path
    from engine import checkpoint
    for number in count():
        text = str(number).encode()
        files = {"a.json": text * 20_000, "b.json": text * 5_000, "same.json": b"same"}
        checkpoint.write(Path(sys.argv[1]), files, {"number": number})
        print(number, flush=True)
    """


def test_kill_nine_at_any_moment_leaves_a_whole_model(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    for round_ in range(8):
        command = [sys.executable, "-c", textwrap.dedent(REWRITING), str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as writer:
            for _ in range(round_ + 2):
                said = writer.stdout.readline()
            writer.kill()
            rest = writer.stdout.read()
        last = int((rest.split() or [said])[-1])
        found = checkpoint.read(folder)
        number = found.facts["number"]
        assert number in (last, last + 1)
        assert contents(folder)["a.json"] == str(number).encode() * 20_000
    checkpoint.write(folder, FILES, FACTS)
    assert len(names(folder)) == len(FILES) + 1
