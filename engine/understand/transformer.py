"""A sentence transformer as text encoder, for those who have one and the seconds that it takes: an extra.

Reimers, Gurevych 2019: Sentence-BERT. Nothing is downloaded: the folder has to hold the whole model.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import CheckpointError

_SIDE_BY_SIDE = 64


class TransformerEncoder:
    """Vectors of texts from a sentence transformer.

    Args:
        folder: Where the model lies.

    Raises:
        CheckpointError: If the library is not installed or the folder holds no such model.
    """

    def __init__(self, folder: Path) -> None:
        folder = folder.expanduser()
        if not (folder / "config.json").is_file() and not (folder / "modules.json").is_file():
            raise CheckpointError(f"{folder}: holds no sentence transformer; there is no config.json in it")
        os.environ.setdefault("HF_HUB_OFFLINE", "1")  # no text and no question about a model leaves the machine
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise CheckpointError(
                "sentence transformers are an extra that is not installed: pip install 'attendant[transformer]'"
            ) from error
        try:
            bars: Any = sys.modules.get("transformers.utils.logging")  # loaded with the library
            if bars is not None:
                bars.disable_progress_bar()  # one would run over the lines of a chat
            self._model: Any = SentenceTransformer(str(folder), device="cpu")
            self._width = len(self._model.encode(""))
        except Exception as error:  # the library raises whatever the model's parts raise
            raise CheckpointError(f"{folder}: the sentence transformer cannot be read: {error}") from error

    @property
    def width(self) -> int:
        """Width of the vectors."""
        return self._width

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors. Shape: (texts, width)."""
        if not texts:
            return np.zeros((0, self._width), np.float32)
        found = self._model.encode(
            list(texts), batch_size=_SIDE_BY_SIDE, normalize_embeddings=True, show_progress_bar=False
        )
        return np.asarray(found, np.float32)
