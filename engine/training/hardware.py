"""What a network is trained on: the processor or a graphics card, and with how many bits its products are worked out.

Mixed precision: weights, their gradients and the optimizer stay in 32 bits; products of matrices are worked out in
bfloat16, which has the range of 32 bits, so that no loss need be scaled (Kalamkar et al. 2019: A Study of BFLOAT16 for
Deep Learning Training; Micikevicius et al. 2018: Mixed Precision Training).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.errors import TrainingError

AUTO = "auto"
DEVICES = (AUTO, "cpu", "cuda")
PRECISIONS = (AUTO, "float32", "bfloat16")


@dataclass(frozen=True, slots=True)
class Hardware:
    """``device`` as PyTorch names it, and whether products are worked out in bfloat16 (``mixed``)."""

    device: str = "cpu"
    mixed: bool = False

    @property
    def on_card(self) -> bool:
        """True on a graphics card."""
        return self.device.startswith("cuda")

    def products(self) -> AbstractContextManager[None]:
        """Within it products of matrices have the precision that was chosen."""
        kind = "cuda" if self.on_card else "cpu"
        return torch.autocast(kind, dtype=torch.bfloat16, enabled=self.mixed, cache_enabled=self.mixed)

    def chance(self) -> dict[str, Tensor]:
        """Where the device's own chance stands, for a savepoint."""
        return {"chance_on_card": torch.cuda.get_rng_state(self.device)} if self.on_card else {}

    def set_chance(self, saved: Mapping[str, Tensor]) -> None:
        """Put the device's own chance back to where it stood; a savepoint made elsewhere has none."""
        if self.on_card and "chance_on_card" in saved:
            torch.cuda.set_rng_state(saved["chance_on_card"], self.device)


CPU = Hardware()


def chosen(device: str = AUTO, precision: str = AUTO, *, number: int = 0) -> Hardware:
    """The hardware for a choice in words.

    Args:
        device: One of ``DEVICES``; ``auto`` takes a graphics card where there is one.
        precision: One of ``PRECISIONS``; ``auto`` is bfloat16 on a graphics card that has it, and 32 bits elsewhere.
        number: Which of several processes asks; each takes a card of its own.

    Raises:
        TrainingError: If what was asked for is not there.
    """
    if device not in DEVICES or precision not in PRECISIONS:
        raise TrainingError(
            f"device {device!r} and precision {precision!r}: they are one of {', '.join(DEVICES)}, and one of "
            f"{', '.join(PRECISIONS)}"
        )
    there = torch.cuda.is_available()
    if device == "cuda" and not there:
        raise TrainingError('there is no graphics card that PyTorch can use; set training.device = "cpu"')
    if device == "cpu" or not there:
        return Hardware("cpu", _mixed(precision, automatic=False, able=fast_on_processor, where="processor"))
    card = f"cuda:{number % torch.cuda.device_count()}"
    able = torch.cuda.is_bf16_supported
    return Hardware(card, _mixed(precision, automatic=True, able=able, where="graphics card"))


def _mixed(precision: str, *, automatic: bool, able: Callable[[], bool], where: str) -> bool:
    if precision == "bfloat16" and not able():
        raise TrainingError(
            f'this {where} has no bfloat16, with which it would be slower; set training.precision = "auto"'
        )
    return precision == "bfloat16" or (precision == AUTO and automatic and able())


def fast_on_processor() -> bool:
    """True where the processor multiplies bfloat16 by itself; elsewhere it is several times slower than 32 bits."""
    flags = torch.backends.cpu.get_cpu_capability()
    return "AVX512" in flags and bool(torch.cpu._is_avx512_bf16_supported())
