"""``attendant report``: a page, data, event files, and every way in which that can be refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from report_shop import a_folder, a_shop_with

from bot.cli.lazy import LazyGroup
from bot.cli.report import write_report
from bot.config import Config
from engine.checkpoint import Checkpoint
from engine.knowledge.entries import Knowledge
from engine.respond import Engine
from tests.engine.parts import an_engine

HELD_OUT = [("How do I get a refund?", "refund"), ("money back", "refund"), ("Do you sell fish?", "")]


def report(*words: str) -> Result:
    commands = LazyGroup(name="attendant", commands_in={"report": "bot.cli.report"})
    return CliRunner().invoke(commands, ["report", *words])


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkpoint:
    """A model with held-out questions in the folder ``model`` beside the shop, and the shop is moved into."""
    found = a_folder(tmp_path / "model", held_out=HELD_OUT)
    a_shop_with(found, tmp_path / "shop", monkeypatch)
    return found


def test_a_page_is_written_here_and_the_figures_are_shown(model: Checkpoint) -> None:
    done = report(str(model.folder))
    assert done.exit_code == 0, done.output
    assert Path("report.html").read_text("utf-8").startswith("<!doctype html>")
    assert "3 questions held out" in done.stdout
    assert "best entry is right     50.0%" in done.stdout
    assert "report.html: the whole report" in done.stdout


def test_the_configured_model_is_taken_where_none_is_named(tmp_path: Path, model: Checkpoint) -> None:
    del model
    configured = Path("var/model")
    (configured / "manifest.json").unlink()
    a_shop_engine = a_folder(configured, held_out=HELD_OUT[:2])
    engine = Engine.load(configured)
    engine.fingerprint = a_shop_engine.fingerprint
    done = report("--out", str(tmp_path / "page.html"))
    assert done.exit_code == 0, done.output
    assert "2 questions held out" in done.stdout


def test_json_is_one_object_and_writes_no_page_unless_asked(model: Checkpoint) -> None:
    done = report(str(model.folder), "--json")
    data = json.loads(done.stdout)
    assert data["fingerprint"] == model.fingerprint
    assert data["history"]["seconds"] == 61.0
    assert [one["depth"] for one in data["recalls"]] == [1, 3, 5]
    assert not Path("report.html").exists()
    report(str(model.folder), "--json", "--out", "page.htm")
    assert Path("page.htm").exists()


def test_questions_of_a_file_are_asked_instead(model: Checkpoint) -> None:
    Path("mine.csv").write_text("question,id\nmoney back,refund\n", "utf-8")
    done = report(str(model.folder), "--questions", "mine.csv")
    assert done.exit_code == 0, done.output
    assert "1 question of mine.csv" in done.stdout


def test_without_held_out_questions_its_own_are_asked_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = a_folder(tmp_path / "model")
    a_shop_with(model, tmp_path / "shop", monkeypatch)
    done = report(str(model.folder))
    assert done.exit_code == 0, done.output
    assert "that it was trained on" in done.stdout
    assert "that it was trained on" in Path("report.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"question,id\nmoney back,nowhere\n", "'nowhere' is no entry"),
        (b"question\nmoney back\n", "a column answer or id is needed"),
        (b"question,id\n", "holds no question"),
        (b"\xff\xfe\x00", "mine.csv"),
    ],
)
def test_a_file_of_questions_that_cannot_be_used_is_named_and_nothing_is_written(
    model: Checkpoint, content: bytes, said: str
) -> None:
    Path("mine.csv").write_bytes(content)
    done = report(str(model.folder), "--questions", "mine.csv")
    assert done.exit_code == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not Path("report.html").exists()


@pytest.mark.parametrize("place", ["folder", "notes.txt"])
def test_what_is_no_page_is_not_replaced(model: Checkpoint, place: str) -> None:
    Path("folder").mkdir()
    Path("notes.txt").write_text("mine", "utf-8")
    done = report(str(model.folder), "--out", place)
    assert done.exit_code == 2
    assert "--out" in done.stderr
    assert Path("notes.txt").read_text("utf-8") == "mine"


def test_an_earlier_page_is_replaced_and_stays_where_the_new_one_cannot_be_made(model: Checkpoint) -> None:
    Path("report.html").write_text("earlier", "utf-8")
    assert report(str(model.folder), "--questions", "nowhere.csv").exit_code == 1
    assert Path("report.html").read_text("utf-8") == "earlier"
    assert "replacing report.html" in report(str(model.folder)).stderr
    assert Path("report.html").read_text("utf-8") != "earlier"


def test_a_folder_without_a_model_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load = Engine.load
    model = a_folder(tmp_path / "model")
    a_shop_with(model, tmp_path / "shop", monkeypatch)
    monkeypatch.setattr(Engine, "load", load)
    done = report("faq.csv")
    assert done.exit_code == 1
    assert "train again" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_model_without_entries_has_nothing_to_report(model: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "load", staticmethod(lambda *_: an_engine({}, knowledge=Knowledge(()))))
    done = report(str(model.folder))
    assert done.exit_code == 1
    assert "holds no entries" in done.stderr


def test_a_model_that_is_replaced_meanwhile_is_not_mixed_with_the_new_one(
    model: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Engine, "load", staticmethod(lambda *_: an_engine({})))
    done = report(str(model.folder))
    assert done.exit_code == 1
    assert "replaced while it was read" in done.stderr


def test_without_tensorboard_nothing_is_begun(model: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard.summary.writer.event_file_writer", None)
    done = report(str(model.folder), "--tensorboard", "events")
    assert done.exit_code == 1
    assert "pip install 'attendant[report]'" in done.stderr
    assert not Path("events").exists()
    assert not Path("report.html").exists()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of TensorBoard's own imports
def test_event_files_are_written_where_they_are_wanted(model: Checkpoint) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard comes with the extra report")
    done = report(str(model.folder), "--tensorboard", "events", "--json")
    assert done.exit_code == 0, done.stderr
    assert [path.name.startswith("events.out.tfevents") for path in Path("events").iterdir()] == [True]


def test_training_can_have_the_page_written_beside_the_model(model: Checkpoint) -> None:
    out = model.folder / "report.html"
    found = write_report(model.folder, out, Config())
    assert found.fingerprint == model.fingerprint
    assert out.read_text("utf-8").startswith("<!doctype html>")
