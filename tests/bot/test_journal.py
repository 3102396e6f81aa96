"""What the house logs: one line an event, and no personal data or secret in any of it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.journal import masked, open_journal

log = logging.getLogger("attendant.test")
SECRETS = {
    "anna.k+shop@mail.example.org": "[email]",
    "订单@例子.中国": "[email]",
    "+44 20 7946 0958": "[number]",
    "020-7946-0958": "[number]",
    "13800138000": "[number]",
    "4111 1111 1111 1111": "[number]",
    "4111-1111-1111-1111": "[number]",
    "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw_": "[token]",
}
URL = "postgresql://shop:s3cr3t-w0rd@db.example/shop"


@pytest.fixture(autouse=True)
def _root_logger() -> Iterator[None]:
    """The root logger of the test run, kept aside."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers[:] = []
    try:
        yield
    finally:
        for handler in root.handlers:
            handler.close()
        root.handlers[:] = handlers
        root.setLevel(level)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.mark.parametrize(("secret", "instead"), SECRETS.items())
@pytest.mark.parametrize("around", ["{}", "from {} again", "({})", "'{}',", "我的号码是 {}。", "a\n{}\nb", "x={};"])
def test_personal_data_are_masked_wherever_they_stand(secret: str, instead: str, around: str) -> None:
    assert masked(around.format(secret)) == around.format(instead)


@pytest.mark.parametrize("text", ["我的电话是13800138000谢谢", "令牌123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw在此"])
def test_chinese_needs_no_space_around_what_is_masked(text: str) -> None:
    assert "13800138000" not in masked(text)
    assert "AAHdq" not in masked(text)


@pytest.mark.parametrize(
    "url",
    [
        URL,
        "postgresql+psycopg://shop:s3cr3t-w0rd@localhost:5432/shop?sslmode=require",
        "redis://:s3cr3t-w0rd@cache/0",
        "https://user:s3cr3t-w0rd@host",
    ],
)
def test_the_password_of_a_url_is_masked_and_the_rest_stays(url: str) -> None:
    said = masked(f"cannot open {url} now")
    assert "s3cr3t" not in said
    assert said.startswith(f"cannot open {url.partition(':')[0]}://")
    assert url.rpartition("@")[2] in said


@pytest.mark.parametrize(
    "text", ["", "42", "order 12345", "0.123456789", "3 messages wait", "sqlite:///var/attendant.db", "entry refund-7"]
)
def test_what_is_nobodys_stays(text: str) -> None:
    assert masked(text) == text


@given(st.text())
def test_masking_twice_changes_nothing_more(text: str) -> None:
    assert masked(masked(text)) == masked(text)


@pytest.mark.parametrize("form", ["json", "console"])
def test_nothing_personal_reaches_the_log_by_any_way(tmp_path: Path, form: str) -> None:
    path = tmp_path / "log"
    open_journal(level="info", form=form, file=path)
    everything = " and ".join([*SECRETS, URL])
    log.info("%s wrote", everything)
    log.info("wrote", extra={"customer": everything, "many": [everything], "inner": {"mail": everything}})
    try:
        raise ValueError(everything)
    except ValueError:
        log.exception("failed for %s", everything)
    try:
        try:
            raise KeyError(everything)
        except KeyError as error:
            raise RuntimeError("outer") from error
    except RuntimeError:
        log.exception("failed")
    written = path.read_text("utf-8")
    assert "[email]" in written
    assert "[token]" in written
    assert not [secret for secret in SECRETS if secret in written]
    assert "s3cr3t" not in written
    assert "ValueError" in written


def test_json_is_one_object_a_line_with_time_level_and_place(tmp_path: Path) -> None:
    path = tmp_path / "log"
    open_journal(level="info", form="json", file=path)
    log.info("two\nlines", extra={"conversation": "shop:anna", "held": 3, "late": None, "done": True})
    try:
        raise ValueError("no")
    except ValueError:
        log.exception("失败")
    first, second = lines(path)
    assert first.pop("timestamp").endswith("Z")
    assert first == {
        "event": "two\nlines",
        "level": "info",
        "logger": "attendant.test",
        "conversation": "shop:anna",
        "held": 3,
        "late": None,
        "done": True,
    }
    assert second["event"] == "失败"
    assert second["exception"].splitlines()[0] == "Traceback (most recent call last):"
    assert second["exception"].splitlines()[-1] == "ValueError: no"


def test_a_number_in_an_extra_keeps_its_type_but_a_phone_does_not_get_out_as_one(tmp_path: Path) -> None:
    path = tmp_path / "log"
    open_journal(level="info", form="json", file=path)
    log.info("said", extra={"phone": "13800138000", "seconds": 1.5})
    (line,) = lines(path)
    assert (line["phone"], line["seconds"]) == ("[number]", 1.5)


@pytest.mark.parametrize("form", ["json", "console"])
def test_half_a_character_stops_no_log_line(tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "log"
    open_journal(level="info", form=form, file=path)
    log.info("got %s", "a\ud800b")
    assert "got a" in path.read_text("utf-8")
    assert capsys.readouterr().err == ""


def test_an_extra_does_not_take_the_place_of_time_level_and_logger(tmp_path: Path) -> None:
    path = tmp_path / "log"
    open_journal(level="info", form="json", file=path)
    log.info("said", extra={"level": "anna@example.org", "logger": "anna@example.org"})
    assert "anna@" not in path.read_text("utf-8")


def test_what_is_below_the_level_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "log"
    open_journal(level="warning", form="json", file=path)
    log.info("quiet")
    log.warning("loud")
    assert [line["event"] for line in lines(path)] == ["loud"]


def test_a_file_is_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for name in ("first", "second"):
        open_journal(level="info", form="json", file=path)
        log.info(name)
    assert [line["event"] for line in lines(path)] == ["first", "second"]


def test_opening_again_moves_the_log_and_doubles_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    open_journal(level="info", form="json", file=tmp_path / "old")
    open_journal(level="info", form="json")
    log.info("here")
    assert (tmp_path / "old").read_text("utf-8") == ""
    streams = capsys.readouterr()
    assert json.loads(streams.err)["event"] == "here"
    assert streams.out == ""


def test_standard_error_is_looked_up_when_a_line_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    open_journal(level="info", form="console")
    with capsys.disabled():
        pass
    log.info("now")
    assert "now" in capsys.readouterr().err


def test_the_console_form_has_no_colours_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    open_journal(level="info", form="console", file=path)
    log.warning("plain", extra={"conversation": "shop:anna"})
    written = path.read_text("utf-8")
    assert "\x1b" not in written
    assert written.count("\n") == 1
    assert "conversation=shop:anna" in written
