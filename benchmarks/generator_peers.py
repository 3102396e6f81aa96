"""The peers of the generator's benchmark: JoeyNMT and OpenNMT-py, each trained for some CPU time in this process.

    python benchmarks/generator_peers.py joeynmt|opennmt FOLDER

Run by a Python that has the peer installed. FOLDER holds ``job.json`` (see ``Job``) and the texts as numbers of pieces
with blanks between: ``train.src``, ``train.trg``, ``val.src``, ``val.trg``. It leaves ``result.json`` and the
hypotheses in ``val.hyp``. Each peer trains by its own loop, through its own command or configuration; a step is only
counted here, and the loop ended when its time is up. Reading the data and what a first step loads is not counted.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WIDTH, LONGEST = 5, 60


@dataclass(frozen=True, slots=True)
class Job:
    """CPU ``seconds`` to train for, the sizes of ``engine.seq2seq.model.ModelSizes``, sentences of a batch, learning
    rate, dropout, label smoothing, seed; ``write`` False where only speed is measured.
    """

    seconds: float
    embedding: int
    hidden: int
    decoder: int
    batch: int
    rate: float
    dropout: float
    smoothing: float
    seed: int
    write: bool = True


class _TimeUpError(Exception):
    """The CPU time of a peer is over."""


class _Clock:
    """Counts what is trained; its time begins with the second step, since the first one loads what it needs."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._began = -1.0
        self.spent = 0.0
        self.pieces = 0
        self.steps = -1
        self.parameters = 0

    def tick(self) -> bool:
        """Call it before a step; True when time is up."""
        now = time.process_time()
        self._began = now if self.steps <= 0 else self._began
        self.spent = now - self._began
        return self.steps > 0 and self.spent >= self._seconds

    def count(self, pieces: int) -> None:
        """Call it after a step, with the pieces of its targets."""
        self.pieces += pieces if self.steps >= 0 else 0
        self.steps += 1


def main() -> None:
    """Train one peer and leave what came of it."""
    import torch

    torch.set_num_threads(1)
    name, folder = sys.argv[1], Path(sys.argv[2])
    job = Job(**json.loads((folder / "job.json").read_bytes()))
    clock = _Clock(job.seconds)
    PEERS[name](job, folder, clock)
    result = {
        "pieces": clock.pieces,
        "steps": clock.steps,
        "seconds": clock.spent,
        "parameters": clock.parameters,
    }
    (folder / "result.json").write_text(json.dumps(result), "utf-8")


def joeynmt(job: Job, folder: Path, clock: _Clock) -> None:
    """JoeyNMT: LSTM with Luong attention, input feeding and a tied output, as its own configuration says it."""
    from joeynmt import prediction, training

    step = training.TrainManager._train_step

    def counted(manager: Any, batch: Any) -> Any:
        if clock.tick():
            raise KeyboardInterrupt  # its own way to be stopped: it saves where it is
        clock.parameters = _size(manager.model)
        done = step(manager, batch)
        clock.count(int(batch.ntokens))
        return done

    training.TrainManager._train_step = counted
    place = folder / "joeynmt"
    place.mkdir()
    training.train(0, 1, joeynmt_configuration(job, folder, place), skip_test=True)
    if not job.write:
        return
    configuration = joeynmt_configuration(job, folder, place)
    configuration["testing"]["load_model"] = str(next(place.glob("*.ckpt")))
    prediction.test(configuration, output_path=str(place / "hyp"))
    (folder / "val.hyp").write_text((place / "hyp.dev").read_text("utf-8"), "utf-8")


def joeynmt_configuration(job: Job, folder: Path, place: Path) -> dict[str, Any]:
    """The configuration of one run, as JoeyNMT reads it from YAML."""
    side = {"level": "word", "lowercase": False, "max_length": 100, "voc_min_freq": 1}
    recurrent = {"type": "recurrent", "rnn_type": "lstm", "num_layers": 1, "dropout": job.dropout}
    embeddings = {"embedding_dim": job.embedding, "dropout": job.dropout}
    return {
        "name": "benchmark",
        "model_dir": str(place),
        "use_cuda": False,
        "num_workers": 0,
        "random_seed": job.seed,
        "data": {
            "train": str(folder / "train"),
            "dev": str(folder / "val"),
            "dataset_type": "plain",
            "src": {"lang": "src", **side},
            "trg": {"lang": "trg", **side},
        },
        "training": {
            "optimizer": "adam",
            "learning_rate": job.rate,
            "learning_rate_min": 1e-8,
            "scheduling": "exponential",
            "decrease_factor": 1.0,
            "label_smoothing": job.smoothing,
            "clip_grad_norm": 1.0,
            "batch_size": job.batch,
            "batch_type": "sentence",
            "normalization": "tokens",
            "epochs": 100_000,
            "logging_freq": 10_000_000,
            "validation_freq": 10_000_000,
        },
        "testing": {
            "beam_size": WIDTH,
            "beam_alpha": 1.0,
            "max_output_length": LONGEST,
            "batch_size": 64,
            "batch_type": "sentence",
            "eval_metrics": [],
        },
        "model": {
            "initializer": "xavier_uniform",
            "embed_initializer": "normal",
            "embed_init_weight": 0.1,
            "tied_softmax": True,
            "encoder": {**recurrent, "embeddings": embeddings, "hidden_size": job.hidden, "bidirectional": True},
            "decoder": {
                **recurrent,
                "embeddings": embeddings,
                "hidden_size": job.decoder,
                "attention": "luong",
                "input_feeding": True,
                "init_hidden": "bridge",
                "hidden_dropout": job.dropout,
            },
        },
    }


def opennmt(job: Job, folder: Path, clock: _Clock) -> None:
    """OpenNMT-py: its bidirectional LSTM with Luong attention and input feeding, driven by its own commands."""
    from onmt import trainer
    from onmt.bin import train, translate

    step = trainer.Trainer._gradient_accumulation
    running: list[Any] = []

    def counted(own: Any, batches: Any, *rest: Any) -> Any:
        running[:] = [own]
        if clock.tick():
            raise _TimeUpError
        clock.parameters = _size(own.model)
        done = step(own, batches, *rest)
        clock.count(sum(int((batch["tgt"][:, 1:, 0] != own.train_loss.padding_idx).sum()) for batch in batches))
        return done

    trainer.Trainer._gradient_accumulation = counted
    place = folder / "opennmt"
    place.mkdir()
    for side in ("src", "trg"):
        _write_vocabulary(folder / f"train.{side}", place / f"{side}.vocab")
    (place / "data.yaml").write_text(json.dumps(_opennmt_data(folder, place)), "utf-8")  # JSON is YAML
    try:
        _command(train.main, "onmt_train", *opennmt_arguments(job, place))
    except _TimeUpError:
        running[0].model_saver.save(clock.steps)
    if job.write:
        found = next(place.glob("model_step_*.pt"))
        _command(
            translate.main,
            *("onmt_translate", "-model", str(found), "-src", str(folder / "val.src")),
            *("-output", str(folder / "val.hyp"), "-beam_size", str(WIDTH), "-max_length", str(LONGEST)),
            *("-length_penalty", "wu", "-alpha", "1.0", "-batch_size", "64", "-gpu", "-1"),
        )


def opennmt_arguments(job: Job, place: Path) -> list[str]:
    """What ``onmt_train`` is called with."""
    facts = {
        "config": place / "data.yaml",
        "save_model": place / "model",
        "encoder_type": "brnn",
        "decoder_type": "rnn",
        "rnn_type": "LSTM",
        "enc_layers": 1,
        "dec_layers": 1,
        "enc_hid_size": 2 * job.hidden,
        "dec_hid_size": job.decoder,
        "hidden_size": job.decoder,
        "word_vec_size": job.embedding,
        "global_attention": "general",
        "dropout": job.dropout,
        "label_smoothing": job.smoothing,
        "optim": "adam",
        "learning_rate": job.rate,
        "max_grad_norm": 1.0,
        "batch_size": job.batch,
        "batch_type": "sents",
        "normalization": "tokens",
        "bucket_size": 30_000,
        "num_workers": 0,
        "train_steps": 10_000_000,
        "valid_steps": 10_000_000,
        "save_checkpoint_steps": 10_000_000,
        "report_every": 10_000,
        "seed": job.seed,
    }
    return [word for name, value in facts.items() for word in (f"--{name}", str(value))] + [
        "--share_decoder_embeddings"
    ]


def _opennmt_data(folder: Path, place: Path) -> dict[str, Any]:
    return {
        "save_data": str(place / "data"),
        "src_vocab": str(place / "src.vocab"),
        "tgt_vocab": str(place / "trg.vocab"),
        "data": {"corpus_1": {"path_src": str(folder / "train.src"), "path_tgt": str(folder / "train.trg")}},
    }


def _write_vocabulary(texts: Path, path: Path) -> None:
    counts = Counter(texts.read_text("utf-8").split())
    path.write_text("".join(f"{word}\t{count}\n" for word, count in counts.most_common()), "utf-8")


def _command(command: Callable[[], Any], *line: str) -> None:
    sys.argv = list(line)
    command()


def _size(network: Any) -> int:
    return sum(part.numel() for part in {id(part): part for part in network.parameters()}.values())


PEERS: dict[str, Callable[[Job, Path, _Clock], None]] = {"joeynmt": joeynmt, "opennmt": opennmt}


if __name__ == "__main__":
    main()
