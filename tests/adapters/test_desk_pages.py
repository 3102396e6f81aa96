"""The pages on connecting a desk: their settings are taken as they stand there, and what they name is there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import bot
from bot import registry
from bot.testing import RecordingDesk

PAGES = Path(bot.__file__).parents[1] / "docs" / "how-to"
BLOCKS = [
    (page, block)
    for page in ("connect-chatwoot.md", "connect-zendesk.md", "connect-intercom.md")
    for block in re.findall(r"```toml\n(.*?)```", (PAGES / page).read_text("utf-8"), re.DOTALL)
]


@pytest.mark.parametrize(("page", "block"), BLOCKS)
def test_the_settings_of_a_page_are_taken_as_they_stand_there(
    page: str, block: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    [(name, settings)] = tomllib.loads(block)["adapters"].items()
    for key, value in settings.items():
        if key.endswith("_env"):
            monkeypatch.setenv(value, "a-secret-of-many-letters")
    assert registry.build(name, settings, RecordingDesk()).name == name, page


@pytest.mark.parametrize(
    ("page", "name"), [("chatwoot", "chatwoot"), ("zendesk", "sunshine"), ("intercom", "intercom")]
)
def test_the_other_settings_of_a_page_are_known(page: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (PAGES / f"connect-{page}.md").read_text("utf-8")
    block = next(one for of, one in BLOCKS if of == f"connect-{page}.md")
    settings = tomllib.loads(block)["adapters"][name]
    for key, value in settings.items():
        if key.endswith("_env"):
            monkeypatch.setenv(value, "a-secret-of-many-letters")
    with pytest.raises(Exception, match="known here") as refused:
        registry.build(name, {**settings, "no_such_setting": 1}, RecordingDesk())
    known = set(re.findall(r"\w+", str(refused.value).split("known here:")[1]))
    table = text.split("## Other settings")[1].split("\n\n")[1]
    named = {word for row in table.splitlines() for word in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert named
    assert named <= known
    assert known - set(settings) <= named | set(re.findall(r"(\w+) =", text))
