"""``attendant finetune``: teaching a model that there is what is new."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli import learning
from bot.cli.learning import learning_options, tell
from bot.cli.options import CONTEXT, FILE, config_option, json_option, open_log
from bot.cli.output import counted, show, show_json

if TYPE_CHECKING:
    from bot.config import Config
    from engine.knowledge.entries import Knowledge
    from engine.training.data import TrainingData
    from engine.training.earlier import Earlier

PARTS = ("embedding", "encoder", "decoder", "pooling", "vector")
_FROM = "The model to go on with: a folder, or the name of one that is kept; else the one in use."
_REPLAY = "Share of what it knows that is shown again in every epoch, so that it is not forgotten."
_RATE = "Share of the learning rate that a first training has."
_FREEZE = f"Leave these weights as they are: {', '.join(PARTS)}; may be repeated."


@click.command(context_settings=CONTEXT)
@click.argument("sources", nargs=-1, required=True, type=FILE, metavar="SOURCE...")
@click.option("--from", "model", metavar="MODEL", help=_FROM)
@click.option("--replay", type=click.FloatRange(0, 1), default=0.2, show_default=True, help=_REPLAY)
@click.option("--rate", type=click.FloatRange(0, 2, min_open=True), default=0.5, show_default=True, help=_RATE)
@click.option("--freeze", type=click.Choice(PARTS), multiple=True, help=_FREEZE)
@learning_options
@json_option
@config_option
def command(
    sources: tuple[Path, ...],
    model: str | None,
    replay: float,
    rate: float,
    freeze: tuple[str, ...],
    chosen: learning.Chosen,
    as_json: bool,
    config: Config,
) -> None:
    """Teach a model what is new in SOURCE, and put it in use unless the golden questions say that it is worse.

    SOURCE is a FAQ or a log of conversations, in any form that `train` reads. An entry with an id or an answer
    that the model knows gets the new questions; a new answer replaces the old one. What the model knew stays.
    """
    read = learning.chosen_sources(config, sources, chosen.validation)
    forms = learning.by_file(chosen.formats, read.files)
    if chosen.dry_run:
        learning.dry_run(config, read, forms, as_json=as_json)
        return
    options = learning.chosen_options(config, chosen)
    open_log(config)
    folder = _folder(config, model)
    from engine.training import school
    from engine.training.earlier import Earlier
    from engine.training.options import Tuning

    earlier = Earlier.read(folder)
    data = learning.read(config, read, forms, keep_personal=chosen.keep_personal, known=earlier.knowledge)
    tuning = Tuning(replay, rate, tuple(freeze))
    together = school.gathered(earlier, data)
    tell(
        f"{counted(len(together.fresh), 'entry', 'entries')} new or changed, beside {len(earlier.knowledge)} that "
        f"model {earlier.fingerprint[:12]} knows"
    )

    def learn(target: Path) -> learning.Learn:
        stopped = school.interrupted(target, school.tuning_identity(earlier, together, options, tuning))
        if stopped:
            tell(stopped)
        return lambda report, stop: school.finetune(earlier, together, target, options, tuning, report, stop=stop)

    compare = _comparing(config, earlier, data, together.data.knowledge)
    learned = learning.run(config, chosen.out, learn, kind="finetune", parent=earlier.fingerprint, compare=compare)
    if as_json:
        show_json(learned.to_json())
    else:
        show(learning.in_words(learned))


def _comparing(config: Config, earlier: Earlier, data: TrainingData, together: Knowledge) -> learning.Compare:
    """What asks the earlier model and the one made from it the same questions.

    Questions and the earlier model are read here, before anything is trained: what is wrong with them is said at once,
    and the new model may be written where the earlier one lies. Nothing is composed, since what counts is the entry.

    Raises:
        KnowledgeError: If the golden questions cannot be read.
        NoModel: If the earlier model cannot be used.
    """
    from bot.compose import load_engine
    from bot.models import golden_files
    from engine.training.before_after import BeforeAfter, before_and_after, questions_about
    from engine.training.gate import read_golden

    silent = replace(config, answers=replace(config.answers, generate=False))
    questions = questions_about(
        earlier.knowledge,
        together,
        judged_by=earlier.validation,
        golden=read_golden(golden_files(config)),
        validation=data.validation,
    )
    before = load_engine(silent, earlier.folder)

    def compare(folder: Path) -> BeforeAfter:
        tell("asking the earlier model and the new one the same questions")
        return before_and_after(before, load_engine(silent, folder), questions)

    return compare


def _folder(config: Config, model: str | None) -> Path:
    """The folder of the model to go on with.

    Raises:
        CheckpointError: If there is no such model.
    """
    from bot.models import registry_of

    if model is None:
        return config.model_path
    path = Path(model)
    return path if (path / "manifest.json").exists() else registry_of(config).find(model).folder
