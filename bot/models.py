"""Keeping models, judging a new one, and putting it in use: the registry, the gate and the list in the database.

The folders are the truth. The list in the database is written after them, and can be made anew from them at any time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.errors import NoModel
from engine import checkpoint
from engine.models.card import Card, card_of
from engine.models.record import Record
from engine.models.registry import Registry
from storage.ports import Store, StoredModel

if TYPE_CHECKING:
    from bot.config import Config
    from engine.training.gate import GateReport


def registry_of(config: Config) -> Registry:
    """The registry that the configuration names."""
    return Registry(config.models_path, config.model_path)


def golden_files(config: Config) -> tuple[Path, ...]:
    """The golden questions: the configured ones, else, where the sample FAQ is in use, those of the sample."""
    if config.models.golden:
        return tuple(config.home / Path(name).expanduser() for name in config.models.golden)
    if config.knowledge.files or config.imported_knowledge.exists():
        return ()
    from engine.training.data import sample

    return (sample("test_questions.csv"),)


def register(
    config: Config,
    folder: Path,
    *,
    kind: str = "train",
    parent: str = "",
    data: str = "",
    metrics: Mapping[str, Any] | None = None,
    note: str = "",
) -> str:
    """Keep a copy of a model that was just written, and remove the oldest ones beyond ``models.keep``.

    Args:
        config: Names the registry.
        folder: Where the model lies.
        kind: ``train`` or ``finetune``.
        parent: The fingerprint of the model it was made from, empty for none.
        data: The fingerprint of what it learned; empty takes that of the FAQ, from the model.
        metrics: How it fared, as plain data, beside what the model says of itself.
        note: For people.

    Returns:
        Its name, the fingerprint.

    Raises:
        CheckpointError: If there is no whole model in ``folder``.
        OSError: If the disk is full or the registry cannot be written; then it is as it was.
    """
    model = checkpoint.read(folder)
    made = card_of(model.fingerprint, model.facts, now())
    figures = {**made.metrics, **(metrics or {})}
    card = Card(made.fingerprint, made.created, kind, parent, data or made.data, figures, note=note)
    registry = registry_of(config)
    name = registry.add(model, card)
    registry.prune(config.models.keep, spare=name)
    return name


def judge_model(config: Config, name: str, *, golden: Sequence[Path] | None = None) -> GateReport:
    """Ask a model of the registry and the one in use the golden questions.

    A model in use that cannot be read counts as none: anything whole is no worse.

    Args:
        config: Names the registry and, where ``golden`` does not, the golden questions.
        name: The fingerprint of the candidate.
        golden: Files of golden questions instead of the configured ones.

    Raises:
        NoModel: If the candidate cannot be used.
        KnowledgeError: If the golden questions cannot be read.
    """
    from bot.compose import load_engine
    from engine.training.gate import judge, read_golden

    questions = read_golden(golden_files(config) if golden is None else golden)
    registry = registry_of(config)
    candidate = load_engine(config, registry.find(name).folder)
    try:
        current = load_engine(config)
    except NoModel:
        current = None
    return judge(current, candidate, questions, margin=config.models.margin)


def promote_if_no_worse(
    config: Config, name: str, *, golden: Sequence[Path] | None = None, note: str = ""
) -> GateReport:
    """Put a model of the registry in use if the golden questions say that it is no worse than the one in use.

    What they said is kept with the model. One that is worse is marked as rejected; one of which nothing can be said,
    since there are no golden questions, stays a candidate.

    Raises:
        NoModel: If the candidate cannot be used.
        KnowledgeError: If the golden questions cannot be read.
        CheckpointError: If the candidate is damaged, or another model was put in use meanwhile.
        OSError: If a folder cannot be written; the model in use stays.
    """
    registry = registry_of(config)
    beside = registry.current()
    report = judge_model(config, name, golden=golden)
    if report.after.questions:
        figures = {"verdict": report.verdict, "beside": report.current, **asdict(report.after)}
        metrics = {**registry.find(name).card.metrics, "golden": figures}
        registry.note(name, metrics=metrics, rejected=report.verdict == "worse")
    if report.promotes:
        registry.promote(name, at=now(), note=note, instead_of=beside)
    return report


def as_stored(record: Record) -> StoredModel:
    """A model of the registry as the list in the database has it."""
    card = record.card
    return StoredModel(
        card.fingerprint,
        card.created,
        card.kind,
        card.parent,
        card.data,
        card.metrics,
        record.status,
        card.promoted_at,
        card.note,
    )


def write_list(store: Store, registry: Registry) -> None:
    """Make the list in the database say what the folders say; a model whose folder is gone stays, in use no more.

    Nobody promotes meanwhile, so that of several processes the last one to write says what is.

    Raises:
        StorageError: If it cannot be written; it is then as it was.
        OSError: If the registry cannot be read.
    """
    if registry.folder.is_dir() or registry.current():
        with registry.held():
            _write(store, {record.name: as_stored(record) for record in registry.records()})


def _write(store: Store, wanted: Mapping[str, StoredModel]) -> None:
    listed = {model.fingerprint: model for model in store.models()}
    changed = [model for name, model in wanted.items() if listed.get(name) != model]
    changed += [
        _out_of_use(model) for name, model in listed.items() if name not in wanted and model.status == "current"
    ]
    if not changed:
        return
    with store.write() as work:
        for model in changed:
            work.keep_model(model)
        work.commit()


def now() -> datetime:
    """The time on the wall, aware."""
    return datetime.now(UTC)


def _out_of_use(model: StoredModel) -> StoredModel:
    return replace(model, status="retired")
