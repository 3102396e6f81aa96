"""Adapters come through one door: entry points, listed without importing and loaded one by one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from bot import registry
from bot.errors import AdapterError
from bot.ports import Desk
from tests.builders import a_whole_house
from tests.fakes import Lines

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Makes a distribution with adapters that is installed for the length of a test."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def put(package: str, version: str, points: Mapping[str, str], **modules: str) -> None:
        info = tmp_path / f"{package.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n", "utf-8")
        named = "".join(f"{name} = {target}\n" for name, target in points.items())
        (info / "entry_points.txt").write_text(f"[{registry.GROUP}]\n{named}", "utf-8")
        for name, source in modules.items():
            (tmp_path / f"{name}.py").write_text(source, "utf-8")
            monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.syspath_prepend(str(tmp_path))

    return put


def found(name: str) -> registry.Installed:
    return next(item for item in registry.survey() if item.name == name)


def a_channel(settings: Mapping[str, Any], desk: Desk) -> Lines:
    """What an entry point names: settings and desk in, adapter out."""
    assert desk.name
    if settings:
        raise ValueError(f"unknown setting {next(iter(settings))}")
    return Lines()


def test_names_are_listed_in_order_and_nothing_is_imported(install: Install) -> None:
    install("far-pigeon", "1.0", {"zebra": "pigeon_a:Made", "pigeon": "pigeon_a:Made"}, pigeon_a="raise RuntimeError")
    assert [name for name in registry.names() if name in ("pigeon", "zebra")] == ["pigeon", "zebra"]
    assert registry.names() == sorted(registry.names())
    assert "pigeon_a" not in sys.modules


def test_a_sound_adapter_is_ready_and_names_its_package(install: Install) -> None:
    install("far-pigeon", "1.2", {"pigeon": "pigeon_b:Made"}, pigeon_b="class Made: pass\n")
    assert found("pigeon") == registry.Installed("pigeon", "far-pigeon 1.2", "pigeon_b:Made")
    assert registry.factory("pigeon").__name__ == "Made"  # type: ignore[attr-defined]  # it is a class


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("import absent_library_of_pigeons", "pigeon_c:Made", "absent_library_of_pigeons"),
        ("raise RuntimeError('no licence')", "pigeon_c:Made", "no licence"),
        ("def broken(:", "pigeon_c:Made", "cannot be imported"),
        ("", "pigeon_c:Made", "Made"),
        ("Made = 3", "pigeon_c:Made", "is no factory"),
        ("", "pigeon_nowhere:Made", "pigeon_nowhere"),
    ],
)
def test_a_broken_adapter_is_reported_and_hides_no_other(install: Install, source: str, target: str, said: str) -> None:
    install("broken-pigeon", "0", {"pigeon": target}, pigeon_c=source)
    install("good-dove", "0", {"zz-dove": "dove_a:Made"}, dove_a="class Made: pass\n")
    problem = found("pigeon").problem
    assert problem.startswith(f"adapter pigeon ({target})")
    assert said in problem
    assert found("zz-dove").problem == ""
    with pytest.raises(AdapterError, match=said):
        registry.factory("pigeon")


def test_an_unknown_name_says_which_there_are(install: Install) -> None:
    install("far-pigeon", "1.0", {"pigeon": "pigeon_d:Made"})
    with pytest.raises(AdapterError, match=r"no adapter 'pidgeon' is installed; there are: .*pigeon"):
        registry.factory("pidgeon")


def test_an_adapter_gets_its_settings_and_the_desk(install: Install) -> None:
    install("lines", "1.0", {"lines": f"{__name__}:a_channel"})
    assert isinstance(registry.build("lines", {}, a_whole_house()), Lines)


def test_settings_that_an_adapter_refuses_are_said_with_its_name(install: Install) -> None:
    install("lines", "1.0", {"lines": f"{__name__}:a_channel"})
    with pytest.raises(AdapterError, match=r"^adapter lines: unknown setting colour$"):
        registry.build("lines", {"colour": "red"}, a_whole_house())


def test_our_own_channels_come_through_the_same_door() -> None:
    import tomllib

    project = tomllib.loads((Path(registry.__file__).parents[1] / "pyproject.toml").read_text("utf-8"))
    for name, target in project["project"]["entry-points"][registry.GROUP].items():
        from importlib.metadata import EntryPoint

        assert EntryPoint(name, target, registry.GROUP).load().name == name
