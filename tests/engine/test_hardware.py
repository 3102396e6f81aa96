"""What is trained on: the choice in words, mixed precision on the processor, and a graphics card where one is there."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.errors import TrainingError
from engine.training import hardware
from engine.training.hardware import CPU, Hardware, chosen
from engine.training.loop import Loop, Pace
from engine.training.running import Running

CARD = pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no graphics card here")


class Line:
    """The task: y = 2x - 1; remembers in which precision it was taught."""

    def __init__(self) -> None:
        self.seen: set[torch.dtype] = set()
        self.devices: set[str] = set()

    def batches(self, chance: random.Random) -> list[list[float]]:
        return [[chance.uniform(-1, 1) for _ in range(16)] for _ in range(40)]

    def loss(self, network: nn.Module, batch: Sequence[float]) -> Tensor:
        values = torch.tensor(batch, device=next(network.parameters()).device)[:, None]
        told = network(values)
        self.seen.add(told.dtype)
        self.devices.add(told.device.type)
        return F.mse_loss(told.float(), 2 * values - 1)

    def pieces(self, batch: Sequence[float]) -> int:
        return len(batch)

    def validate(self, _network: nn.Module) -> float:
        return 0.0

    def groups(self, network: nn.Module) -> list[dict[str, Any]]:
        return [{"params": list(network.parameters())}]


def taught(on: Hardware) -> tuple[nn.Linear, Line]:
    torch.manual_seed(1)
    network, task = nn.Linear(1, 1), Line()
    Loop(network, task, Pace("line", 4, float("inf"), rate=0.1, kept=0.5), Running(hardware=on), seed=1).run()
    return network, task


@pytest.mark.parametrize("on", [CPU, Hardware("cpu", mixed=True)])
def test_a_network_learns_in_either_precision_and_its_weights_keep_32_bits(on: Hardware) -> None:
    network, task = taught(on)
    assert task.seen == {torch.bfloat16 if on.mixed else torch.float32}
    assert {part.dtype for part in network.parameters()} == {torch.float32}
    assert network.weight.item() == pytest.approx(2, abs=0.1)
    assert network.bias.item() == pytest.approx(-1, abs=0.1)


def test_the_processor_is_the_choice_where_no_card_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert chosen("auto", "auto") == chosen("cpu", "float32") == CPU
    with pytest.raises(TrainingError, match=r"no graphics card .* set training.device = \"cpu\""):
        chosen("cuda")


@pytest.mark.parametrize("able", [True, False])
def test_short_numbers_on_the_processor_are_only_taken_where_it_has_them(
    monkeypatch: pytest.MonkeyPatch, able: bool
) -> None:
    monkeypatch.setattr(hardware, "fast_on_processor", lambda: able)
    assert chosen("cpu", "auto") == CPU
    if able:
        assert chosen("cpu", "bfloat16") == Hardware("cpu", mixed=True)
        return
    with pytest.raises(TrainingError, match="this processor has no bfloat16"):
        chosen("cpu", "bfloat16")


def test_several_processes_take_a_card_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    assert [chosen("cuda", number=number).device for number in range(3)] == ["cuda:0", "cuda:1", "cuda:0"]
    assert chosen("auto").mixed
    assert not chosen("auto", "float32").mixed
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: False)
    assert not chosen("auto").mixed


@pytest.mark.parametrize(("device", "precision"), [("tpu", "auto"), ("cpu", "float16")])
def test_a_word_that_is_none_of_them_is_said(device: str, precision: str) -> None:
    with pytest.raises(TrainingError, match=f"device '{device}' and precision '{precision}'"):
        chosen(device, precision)


@CARD
def test_on_a_card_it_learns_the_same_and_comes_back_to_the_processor() -> None:
    network, task = taught(chosen("cuda"))
    assert task.devices == {"cuda"}
    assert {part.device.type for part in network.parameters()} == {"cpu"}
    assert network.weight.item() == pytest.approx(2, abs=0.1)
