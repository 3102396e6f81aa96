"""Configuration: the defaults stand here in code, and one TOML file overrides them.

A key that is unknown, of the wrong type or out of range is an error that names the file, the key and, where a name was
mistyped, the nearest known one. All such errors are shown at once. Secrets stand in environment variables.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
import types
import typing
import zoneinfo
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import UTC
from pathlib import Path
from typing import Any

from bot.errors import ConfigError
from bot.office import Office
from engine.understand.encoders import BASE, NAMES, is_encoder
from engine.understand.slots import any_of

FILE = "config.toml"
DATABASE_VARIABLE = "ATTENDANT_DATABASE_URL"
SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class Range:
    """The values a number may take, both ends included."""

    low: float
    high: float


def between(default: float, low: float, high: float) -> Any:
    """A numeric setting with the range that it must lie in."""
    return field(default=default, metadata={"range": Range(low, high)})


def one_of(default: str, *allowed: str) -> Any:
    """A setting that takes one of a few words."""
    return field(default=default, metadata={"allowed": allowed})


@dataclass(frozen=True, slots=True)
class BotConfig:
    """Who the bot is. ``data`` is the folder for everything it writes, relative to the file's own folder."""

    name: str = "Attendant"
    locales: tuple[str, ...] = ("en", "zh")
    data: str = "var"


@dataclass(frozen=True, slots=True)
class KnowledgeConfig:
    """Which files hold the FAQ; none: what was imported, and before any import the sample that comes along.

    ``validation`` names tables of real questions with their right answers, on which confidence is fitted.
    """

    files: tuple[str, ...] = ()
    conversations: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """What the engine is made of; ``encoder`` is what training starts from."""

    encoder: str = BASE


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Where the trained model lies; relative to ``bot.data``."""

    path: str = "model"


@dataclass(frozen=True, slots=True)
class ModelsConfig:
    """Which models are kept, and when a new one may take over.

    ``folder`` is relative to ``bot.data``; ``golden`` names tables of questions with their right answers that are asked
    of the new model and of the one in use, ``margin`` is the share of them that may be lost.
    """

    folder: str = "models"
    keep: int = between(10, 3, 10_000)
    golden: tuple[str, ...] = ()
    margin: float = between(0.01, 0.0, 0.5)


@dataclass(frozen=True, slots=True)
class StorageConfig:
    """Where conversations are kept. The environment variable ATTENDANT_DATABASE_URL goes before ``url``."""

    url: str = ""


@dataclass(frozen=True, slots=True)
class MemoryConfig:
    """How long is remembered. ``retention_days`` after their last turn, conversations are forgotten; 0 keeps them.

    After ``silence_hours`` without a word a conversation begins anew. ``hours`` says how long slots are kept that have
    no rule of their own, or another one. Days are those of ``zone``; ``day_first`` reads 3/5 as the third of May.
    ``neural_state`` carries the state of a network from turn to turn.
    """

    retention_days: int = between(0, 0, 36_500)
    silence_hours: float = between(12.0, 0.01, 100_000)
    hours: Mapping[str, float] = field(default_factory=dict)
    zone: str = "UTC"
    day_first: bool = True
    neural_state: bool = False


@dataclass(frozen=True, slots=True)
class AnswerConfig:
    """When the bot speaks. ``max_wrong_rate`` is promised: so many answers at most are wrong; used at training."""

    max_wrong_rate: float = between(0.1, 0.001, 0.5)
    choices: int = between(3, 1, 8)
    deadline_seconds: float = between(3.0, 0.05, 60.0)
    generate: bool = True


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """How the model is trained; ``cell`` is the recurrent cell of a sentence encoder that starts from nothing.

    ``device`` and ``precision`` say what is calculated on, and with how many bits.
    """

    cell: str = one_of("lstm", "lstm", "gru")
    device: str = one_of("cpu", "cpu", "cuda", "auto")
    precision: str = one_of("auto", "auto", "float32", "bfloat16")
    epochs: int = between(0, 0, 10_000)
    minutes: float = between(20.0, 0.05, 100_000)
    seed: int = between(1, 0, 2**31 - 1)
    threads: int = between(0, 0, 256)


@dataclass(frozen=True, slots=True)
class ServiceConfig:
    """How much may happen at once."""

    workers: int = between(8, 1, 64)
    waiting: int = between(256, 1, 100_000)
    message_characters: int = between(4000, 100, 100_000)


@dataclass(frozen=True, slots=True)
class ServeConfig:
    """``attendant serve``: where its one HTTP server listens, how messages and deliveries are waited for.

    Messages of a customer within ``burst_seconds`` of each other are one. A delivery is tried ``attempts`` times. When
    the process is to end, what was begun has ``drain_seconds``.
    """

    host: str = "127.0.0.1"
    port: int = between(8080, 0, 65535)
    burst_seconds: float = between(1.5, 0, 30)
    attempts: int = between(12, 1, 100)
    drain_seconds: float = between(20.0, 0, 600)


@dataclass(frozen=True, slots=True)
class HandoffConfig:
    """When people are there to take over, such as ``Mon-Fri 09:00-18:00``, by the clock of ``memory.zone``."""

    hours: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AlertsConfig:
    """Who is told what the company should know, such as a jump of angry conversations: adapters, by name."""

    to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LogConfig:
    """What is logged, and how; logs go to standard error, in the terminal chat to a file in ``bot.data``."""

    level: str = one_of("warning", "debug", "info", "warning", "error")
    format: str = one_of("console", "console", "json")


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that can be set. ``home`` is the folder that relative paths start from."""

    bot: BotConfig = BotConfig()
    knowledge: KnowledgeConfig = KnowledgeConfig()
    engine: EngineConfig = EngineConfig()
    model: ModelConfig = ModelConfig()
    models: ModelsConfig = field(default_factory=ModelsConfig)
    storage: StorageConfig = StorageConfig()
    memory: MemoryConfig = field(default_factory=MemoryConfig)
    answers: AnswerConfig = field(default_factory=AnswerConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    service: ServiceConfig = field(default_factory=ServiceConfig)
    serve: ServeConfig = field(default_factory=ServeConfig)
    handoff: HandoffConfig = field(default_factory=HandoffConfig)
    alerts: AlertsConfig = field(default_factory=AlertsConfig)
    log: LogConfig = field(default_factory=LogConfig)
    slots: Mapping[str, str] = field(default_factory=dict, metadata={"lists": True})
    wording: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    adapters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    home: Path = field(default_factory=Path.cwd, metadata={"internal": True})
    file: Path | None = field(default=None, metadata={"internal": True})

    @property
    def data(self) -> Path:
        """The folder for everything the bot writes."""
        return self.home / Path(self.bot.data).expanduser()

    @property
    def model_path(self) -> Path:
        """The folder of the trained model."""
        return self.data / Path(self.model.path).expanduser()

    @property
    def models_path(self) -> Path:
        """The folder of the models that are kept."""
        return self.data / Path(self.models.folder).expanduser()

    @property
    def imported_knowledge(self) -> Path:
        """The file that ``attendant faq import`` writes."""
        return self.data / "knowledge.csv"

    @property
    def database_url(self) -> str:
        """Where conversations are kept, as an SQLAlchemy URL; a relative path starts from ``home``."""
        url = os.environ.get(DATABASE_VARIABLE) or self.storage.url
        if url.startswith(SQLITE) and not url.startswith((f"{SQLITE}/", f"{SQLITE}~")):
            return f"{SQLITE}{self.home / url.removeprefix(SQLITE)}"
        return url or f"sqlite:///{self.data / 'attendant.db'}"


def load(path: Path | None = None) -> Config:
    """Read the configuration: ``path``, else ``config.toml`` of the working folder, else defaults alone.

    Without a file, data go to the user's own data folder.

    Raises:
        ConfigError: If the file is missing, unreadable or says something that cannot be.
    """
    if path is None:
        path = Path(FILE)
        if not path.exists():
            import platformdirs

            home = Path(platformdirs.user_data_dir("attendant", appauthor=False))
            return Config(bot=BotConfig(data="."), home=home)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also numbers too long and brackets too deep
        raise ConfigError(f"{path}: not valid TOML: {error}") from error
    problems: list[str] = []
    config: Config = _build(Config, data, "", problems)
    problems.extend(_wrong_patterns(config.slots))
    problems.extend(_wrong_zone(config.memory.zone))
    problems.extend(_wrong_hours(config.handoff.hours))
    folders = {"bot.data": config.bot.data, "model.path": config.model.path, "models.folder": config.models.folder}
    for key, folder in folders.items():
        problems.extend(_wrong_folder(key, folder))
    if Path(config.models.folder) == Path(config.model.path):
        problems.append(f"models.folder must be another folder than model.path, {config.model.path!r}")
    if not is_encoder(config.engine.encoder):
        problems.append(f"engine.encoder must be {NAMES}, not {config.engine.encoder!r}")
    if not config.bot.locales:
        problems.append("bot.locales must name at least one language, not []")
    if problems:
        raise ConfigError("\n".join(f"{path}: {problem}" for problem in problems))
    return replace(config, home=path.resolve().parent, file=path.resolve())


def keys(kind: type = Config, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every key that the file may hold, with its default."""
    for item in fields(kind):
        if item.metadata.get("internal"):
            continue
        default = getattr(kind(), item.name)
        if is_dataclass(default):
            yield from keys(type(default), f"{prefix}{item.name}.")
        else:
            yield f"{prefix}{item.name}", default


def _build(kind: type, data: Mapping[str, Any], prefix: str, problems: list[str]) -> Any:
    known = {item.name: item for item in fields(kind) if not item.metadata.get("internal")}
    hints = typing.get_type_hints(kind)
    values: dict[str, Any] = {}
    for name, value in data.items():
        key = f"{prefix}{name}"
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"did you mean {prefix}{near[0]}?" if near else f"known here: {', '.join(sorted(known))}"
            problems.append(f"unknown key {key}; {hint}")
        elif is_dataclass(hints[name]):
            if isinstance(value, dict):
                values[name] = _build(typing.cast(type, hints[name]), value, f"{key}.", problems)
            else:
                problems.append(f"{key} is a table, [{key}], not {value!r}")
        else:
            if known[name].metadata.get("lists"):
                value = _patterns(value)
            problem, values[name] = _value(hints[name], known[name].metadata, value)
            if problem:
                problems.append(f"{key}{problem}" if problem.startswith(".") else f"{key} {problem}")
                del values[name]
    return kind(**values)


def _value(hint: Any, metadata: Mapping[str, Any], value: Any) -> tuple[str, Any]:
    """The problem in words (empty: none) and the value in the type of the setting."""
    if hint is float and isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1e300:
        value = float(value)
    if hint in (bool, int, float, str):
        if type(value) is not hint:
            return f"must be {_NAMES[hint]}, not {value!r}", None
        limits: Range | None = metadata.get("range")
        if limits and not limits.low <= value <= limits.high:
            return f"must lie between {limits.low:g} and {limits.high:g}, not {value!r}", None
        allowed = metadata.get("allowed")
        if allowed and value not in allowed:
            return f"must be one of {', '.join(allowed)}, not {value!r}", None
        return "", value
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            return f"must be a list of texts, not {value!r}", None
        return "", tuple(value)
    return _mapping(hint, value)


def _mapping(hint: Any, value: Any) -> tuple[str, Any]:
    if not isinstance(value, dict):
        return f"must be a table, not {value!r}", None
    inner = typing.get_args(hint)[1]
    for name, item in value.items():
        if inner is float:
            if isinstance(item, bool) or not isinstance(item, int | float) or not 0 < item < 1e6:
                return f".{name} must be a number above 0, not {item!r}", None
            continue
        if inner is str and not isinstance(item, str):
            return f".{name} must be a text, not {item!r}", None
        if inner is not str and not isinstance(item, dict):
            return f".{name} must be a table, not {item!r}", None
        problem = _mapping(inner, item)[0] if typing.get_args(inner)[1:] == (str,) else ""
        if problem:
            return f".{name}{problem}", None
    return "", types.MappingProxyType(value)


def _patterns(value: Any) -> Any:
    """Lists of values as patterns; what is no list of texts is left to be found wrong."""
    if not isinstance(value, dict):
        return value

    def pattern(item: Any) -> Any:
        listed = isinstance(item, list) and item and all(isinstance(one, str) and one.strip() for one in item)
        return any_of(map(str.strip, item)) if listed else item

    return {name: pattern(item) for name, item in value.items()}


def _wrong_folder(key: str, folder: str) -> Iterator[str]:
    try:
        Path(folder).expanduser()
    except RuntimeError as error:
        yield f"{key} is no folder that can be found: {error}"
    if not folder or "\0" in folder:
        yield f"{key} must name a folder, not {folder!r}"


def _wrong_zone(zone: str) -> Iterator[str]:
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        yield f'memory.zone is no time zone that this machine knows, such as "Europe/London", but {zone!r}'


def _wrong_hours(hours: tuple[str, ...]) -> Iterator[str]:
    for line in hours:
        try:
            Office([line], UTC)
        except ValueError as error:
            yield f"handoff.hours: {error}"


_SLOT_NAME = re.compile("[a-z][a-z0-9_]{0,40}")


def _wrong_patterns(slots: Mapping[str, str]) -> Iterator[str]:
    for name, pattern in slots.items():
        if not _SLOT_NAME.fullmatch(name):
            yield f"slots.{name}: a slot is named in small letters, digits and _, such as shoe_size"
        try:
            re.compile(pattern)
        except re.error as error:
            yield f"slots.{name} is not a regular expression: {error}"


_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
