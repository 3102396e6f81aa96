"""One file overrides the defaults, and whatever it says wrong is said back in words."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import config
from bot.config import Config, load
from bot.errors import ConfigError
from engine.understand.slots import SlotFinder

KEYS = list(config.keys())
OTHERS = {
    "memory.zone": "Asia/Shanghai",
    "memory.hours": {"order_number": 2.5},
    "handoff.hours": ["Mon-Fri 09:00-17:00"],
    "training.device": "cuda",
    "training.precision": "float32",
    "bot.locales": ["zh"],
    "engine.encoder": "none",
    "training.cell": "gru",
    "log.level": "debug",
    "log.format": "json",
    "slots": {"parcel": "P-[0-9]+"},
    "wording": {"en": {"help": "Ask."}},
    "adapters": {"tui": {"conversation": "anna"}},
}


@pytest.fixture(autouse=True)
def _no_database_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(config.DATABASE_VARIABLE, raising=False)


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "config.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def problems(folder: Path, text: str | bytes) -> list[str]:
    """What is wrong with the file, without its name at the front of each line."""
    path = written(folder, text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{path}: ") for line in lines)
    return [line.removeprefix(f"{path}: ") for line in lines]


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    found, default = load(written(tmp_path, "")), Config()
    assert all(getattr(found, name) == getattr(default, name) for name in ("bot", "answers", "service", "log", "slots"))


def test_the_example_beside_the_sources_can_be_loaded() -> None:
    assert load(Path(config.__file__).parents[1] / "config.toml").bot.locales == ("en", "zh")


def test_the_file_overrides_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    found = load(written(tmp_path, '[bot]\nname = "Fern"\n[service]\nworkers = 3\n'))
    assert (found.bot.name, found.service.workers) == ("Fern", 3)
    assert (found.bot.data, found.service.waiting) == ("var", 256)


@pytest.mark.parametrize(("key", "default"), KEYS, ids=[key for key, _ in KEYS])
def test_every_key_can_be_set_and_takes_effect(tmp_path: Path, key: str, default: Any) -> None:
    value = OTHERS.get(key, _another(default))
    if isinstance(value, dict):
        text = "".join(
            f"[{key}.{name}]\n" + "".join(f"{inner} = {json.dumps(item)}\n" for inner, item in table.items())
            if isinstance(table, dict)
            else f"[{key}]\n{name} = {json.dumps(table)}\n"
            for name, table in value.items()
        )
    else:
        section, name = key.split(".")
        text = f"[{section}]\n{name} = {json.dumps(value)}\n"
    found: Any = load(written(tmp_path, text))
    for part in key.split("."):
        found = getattr(found, part)
    assert found == (tuple(value) if isinstance(value, list) else value)
    assert found != default


def _another(default: Any) -> Any:
    if isinstance(default, bool):
        return not default
    if isinstance(default, int):
        return default + 1
    if isinstance(default, float):
        return default * 1.5
    if isinstance(default, tuple):
        return ["one.csv", "two.csv"]
    return f"{default}other" if isinstance(default, str) else None


def test_a_slot_may_be_a_list_of_values(tmp_path: Path) -> None:
    found = load(written(tmp_path, "[slots]\ncolour = ['moss green', ' Slate ']\nsize = 'size ([0-9]+)'\n")).slots
    assert found["size"] == "size ([0-9]+)"
    assert SlotFinder(found).find("a slate one in size 9") == {"colour": "slate", "size": "9"}


def test_the_name_of_a_slot_can_stand_in_an_answer(tmp_path: Path) -> None:
    named = "a slot is named in small letters, digits and _, such as shoe_size"
    assert problems(tmp_path, "[slots]\n'Shoe size' = '9'\n") == [f"slots.Shoe size: {named}"]


def test_a_mistyped_key_names_the_nearest_known_one(tmp_path: Path) -> None:
    assert problems(tmp_path, '[bot]\nnmae = "Fern"\n') == ["unknown key bot.nmae; did you mean bot.name?"]
    assert problems(tmp_path, "[answer]\nchoices = 3\n") == ["unknown key answer; did you mean answers?"]


def test_a_key_near_to_none_lists_the_known_ones(tmp_path: Path) -> None:
    assert problems(tmp_path, "[log]\nzzzzzz = 1\n") == ["unknown key log.zzzzzz; known here: format, level"]


@pytest.mark.parametrize("name", ["home", "file"])
def test_what_the_house_works_out_itself_cannot_be_set(tmp_path: Path, name: str) -> None:
    assert problems(tmp_path, f'{name} = "x"\n')[0].startswith(f"unknown key {name};")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[bot]\nname = 3\n", "bot.name must be a text, not 3"),
        ("bot = 3\n", "bot is a table, [bot], not 3"),
        ("[service]\nworkers = 2.0\n", "service.workers must be a whole number, not 2.0"),
        ("[service]\nworkers = true\n", "service.workers must be a whole number, not True"),
        ("[answers]\ndeadline_seconds = true\n", "answers.deadline_seconds must be a number, not True"),
        ("[answers]\ngenerate = 1\n", "answers.generate must be true or false, not 1"),
        ('[bot]\nlocales = "en"\n', "bot.locales must be a list of texts, not 'en'"),
        ("[bot]\nlocales = [1]\n", "bot.locales must be a list of texts, not [1]"),
        ("slots = 3\n", "slots must be a table, not 3"),
        ("[slots]\nx = 3\n", "slots.x must be a text, not 3"),
        ("[slots]\nx = []\n", "slots.x must be a text, not []"),
        ("[slots]\nx = ['', 'a']\n", "slots.x must be a text, not ['', 'a']"),
        ("[wording]\nen = 3\n", "wording.en must be a table, not 3"),
        ("[wording.en]\nhelp = 3\n", "wording.en.help must be a text, not 3"),
        ("[adapters]\ntui = 3\n", "adapters.tui must be a table, not 3"),
    ],
)
def test_a_wrong_type_says_what_was_expected_and_found(tmp_path: Path, text: str, problem: str) -> None:
    assert problems(tmp_path, text) == [problem]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[answers]\nmax_wrong_rate = 0.0\n", "answers.max_wrong_rate must lie between 0.001 and 0.5, not 0.0"),
        ("[answers]\nmax_wrong_rate = nan\n", "answers.max_wrong_rate must lie between 0.001 and 0.5, not nan"),
        ("[answers]\ndeadline_seconds = inf\n", "answers.deadline_seconds must lie between 0.05 and 60, not inf"),
        ("[answers]\nchoices = 9\n", "answers.choices must lie between 1 and 8, not 9"),
        ("[service]\nworkers = -1\n", "service.workers must lie between 1 and 64, not -1"),
        ('[training]\ncell = "rnn"\n', "training.cell must be one of lstm, gru, not 'rnn'"),
        (
            '[engine]\nencoder = "bert"\n',
            "engine.encoder must be base, none or sentence-transformers:FOLDER, not 'bert'",
        ),
        (
            '[engine]\nencoder = "sentence-transformers:"\n',
            "engine.encoder must be base, none or sentence-transformers:FOLDER, not 'sentence-transformers:'",
        ),
        ('[log]\nlevel = "loud"\n', "log.level must be one of debug, info, warning, error, not 'loud'"),
    ],
)
def test_a_value_out_of_range_names_the_range(tmp_path: Path, text: str, problem: str) -> None:
    assert problems(tmp_path, text) == [problem]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[bot]\nlocales = []\n", id="no language at all"),
        pytest.param("[wording.en]\nhelp = 3\n", id="a sentence that is a number"),
        pytest.param(f"[answers]\ndeadline_seconds = 1{'0' * 400}\n", id="a number beyond all floats"),
        pytest.param("[slots]\nx = '('\n", id="a pattern that is none"),
    ],
)
def test_what_would_fail_later_is_refused_at_once(tmp_path: Path, text: str) -> None:
    assert len(problems(tmp_path, text)) == 1


def test_the_ends_of_a_range_belong_to_it(tmp_path: Path) -> None:
    assert load(written(tmp_path, "[answers]\nchoices = 8\nmax_wrong_rate = 0.5\n")).answers.choices == 8


def test_a_transformer_is_named_by_its_folder(tmp_path: Path) -> None:
    name = "sentence-transformers:models/small one"
    assert load(written(tmp_path, f'[engine]\nencoder = "{name}"\n')).engine.encoder == name
    assert load(written(tmp_path, "")).engine.encoder == "base"


def test_a_whole_number_will_do_where_a_number_is_wanted(tmp_path: Path) -> None:
    assert load(written(tmp_path, "[training]\nminutes = 5\n")).training.minutes == 5.0


def test_all_problems_are_shown_at_once(tmp_path: Path) -> None:
    text = "[bot]\nnmae = 1\ndata = 2\n[log]\nlevel = 'x'\n[slots]\na = '('\n[nowhere]\n"
    found = problems(tmp_path, text)
    assert [line.split(" ")[0] if "unknown" not in line else line.split(" ")[2] for line in found] == [
        "bot.nmae;",
        "bot.data",
        "log.level",
        "nowhere;",
        "slots.a",
    ]


def test_a_byte_order_mark_is_no_matter(tmp_path: Path) -> None:
    assert load(written(tmp_path, b'\xef\xbb\xbf[bot]\nname = "\xe8\x95\xa8"\n')).bot.name == "蕨"


def test_windows_line_ends_are_no_matter(tmp_path: Path) -> None:
    assert load(written(tmp_path, '[bot]\r\nname = "Fern"\r\n')).bot.name == "Fern"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[bot\n", "not valid TOML: "),
        (b"[bot]\nname = 'a'\nname = 'b'\n", "not valid TOML: "),
        (b"[bot]\nname = '\xff\xfe'\n", "cannot be read: "),
        ("[bot]\n".encode("utf-16"), "cannot be read: "),
    ],
)
def test_a_file_that_is_no_toml_is_said_to_be_none(tmp_path: Path, content: bytes, said: str) -> None:
    assert problems(tmp_path, content)[0].startswith(said)


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.toml: no such file"):
        load(tmp_path / "absent.toml")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path)


def test_without_a_name_the_file_of_the_working_folder_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, '[bot]\nname = "Here"\n')
    monkeypatch.chdir(tmp_path)
    assert (load().bot.name, load().home) == ("Here", tmp_path.resolve())


def test_without_any_file_data_go_to_the_users_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = load()
    assert found.data.is_absolute()
    assert "attendant" in str(found.data)
    assert tmp_path not in found.data.parents
    assert found.file is None


def test_relative_paths_start_from_the_folder_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "elsewhere").mkdir()
    written(tmp_path / "shop", '[bot]\ndata = "state"\n[model]\npath = "m"\n')
    monkeypatch.chdir(tmp_path / "elsewhere")
    found = load(Path("../shop/config.toml"))
    shop = tmp_path.resolve() / "shop"
    assert found.data == shop / "state"
    assert found.model_path == shop / "state" / "m"
    assert found.imported_knowledge == shop / "state" / "knowledge.csv"
    assert found.database_url == f"sqlite:///{shop / 'state' / 'attendant.db'}"
    assert found.file == shop / "config.toml"


def test_absolute_paths_stay_as_they_are(tmp_path: Path) -> None:
    found = load(written(tmp_path, f'[bot]\ndata = "{tmp_path}/a"\n[model]\npath = "{tmp_path}/b"\n'))
    assert (found.data, found.model_path) == (tmp_path / "a", tmp_path / "b")


def test_the_environment_goes_before_the_file_for_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = load(written(tmp_path, '[storage]\nurl = "sqlite:///file.db"\n'))
    assert found.database_url == f"sqlite:///{tmp_path / 'file.db'}"
    monkeypatch.setenv(config.DATABASE_VARIABLE, "postgresql://shop@db/shop")
    assert found.database_url == "postgresql://shop@db/shop"
    monkeypatch.setenv(config.DATABASE_VARIABLE, "")
    assert found.database_url == f"sqlite:///{tmp_path / 'file.db'}"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.recursive(
        st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abmn", max_size=4), inner, max_size=3),
        max_leaves=5,
    ),
    st.sampled_from([key for key, _ in KEYS]),
)
def test_whatever_stands_at_a_key_loads_or_is_refused_in_words(tmp_path: Path, value: Any, key: str) -> None:
    text = f"{key} = {_toml(value)}\n"
    with suppress(ConfigError):
        found = load(written(tmp_path, text.encode("utf-8", "surrogatepass")))
        assert isinstance(found, Config)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return repr(value) if isinstance(value, float) else json.dumps(value)
