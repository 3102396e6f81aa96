"""The channel by itself: what it opens, what it does on bad days, and what nobody may do to it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from typing import Any, ClassVar

import pytest
from telegram_house import VARIABLES, a_free_port, an_adapter, buttons, met, served, to, until

from adapters.sandbox.faults import Answer, Hang, Reset
from adapters.sandbox.telegram import TOKEN, TelegramSandbox
from adapters.telegram import adapter as adapter_module
from adapters.telegram.adapter import TelegramAdapter
from bot.errors import AdapterError, NotNow, Refused
from bot.ports import Adapter, Desk
from bot.testing import AdapterContract, RecordingDesk, a_delivery
from engine.dialogue import ConversationKey
from storage.errors import Unavailable
from storage.ports import DeliveryKind


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
async def sandbox() -> AsyncIterator[TelegramSandbox]:
    async with TelegramSandbox(scale=0.001) as made:
        yield made


@pytest.fixture
def desk() -> RecordingDesk:
    return RecordingDesk()


class TestTelegram(AdapterContract):
    settings: ClassVar[Mapping[str, Any]] = {"token_env": "A_TOKEN"}
    sandbox: TelegramSandbox

    @pytest.fixture(autouse=True)
    async def a_telegram(self, sandbox: TelegramSandbox) -> None:
        self.sandbox = sandbox
        self.ann = sandbox.person()
        self.office = sandbox.group("Office")
        self.read_so_far = 0

    def build(self, settings: Mapping[str, Any], desk: Desk) -> Adapter:
        where = {"base_url": f"{self.sandbox.url}/bot", "admin_chat": self.office.id}
        return TelegramAdapter({**settings, **where}, desk)

    async def write(self, adapter: Adapter, text: str) -> None:  # noqa: ARG002
        self.sandbox.write(self.ann, text)

    async def read(self, adapter: Adapter) -> str:  # noqa: ARG002
        await until(lambda: len(self.sandbox.sent(self.ann)) > self.read_so_far)
        said = self.sandbox.sent(self.ann)[self.read_so_far]
        self.read_so_far += 1
        return "\n".join([said["text"], *buttons(said)])


# Opening and fetching


async def test_a_token_that_telegram_does_not_know_is_named_and_not_repeated(
    sandbox: TelegramSandbox, desk: RecordingDesk
) -> None:
    sandbox.token = "2:ANOTHER"  # noqa: S105 - made up
    with pytest.raises(AdapterError, match="does not accept the token") as caught:
        await an_adapter(sandbox, desk).__aenter__()
    assert (caught.value.__cause__, caught.value.__suppress_context__) == (None, True)
    assert TOKEN not in str(caught.value)


async def test_a_telegram_that_is_not_there_is_an_error_of_the_channel(desk: RecordingDesk) -> None:
    settings = {"token_env": "A_TOKEN", "base_url": f"http://127.0.0.1:{a_free_port()}/bot"}
    with pytest.raises(AdapterError, match="cannot be reached"):
        await TelegramAdapter(settings, desk).__aenter__()


async def test_what_is_fetched_is_acknowledged_after_it_was_stored(
    sandbox: TelegramSandbox, desk: RecordingDesk
) -> None:
    ann = met(sandbox)
    async with served(an_adapter(sandbox, desk), desk):
        await desk.heard(1)
        sandbox.write(ann, "again")
        await desk.heard(2)
    assert sandbox.idle
    assert [event.text for event in desk.events] == ["hello", "again"]


async def test_what_cannot_be_stored_stays_with_telegram(
    sandbox: TelegramSandbox, desk: RecordingDesk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.failing = Unavailable("the disk is full")
    met(sandbox)
    async with served(an_adapter(sandbox, desk), desk):
        await until(lambda: "the disk is full" in caplog.text)
    assert (desk.events, sandbox.idle) == ([], False)


async def test_resets_and_errors_while_fetching_are_got_over(sandbox: TelegramSandbox, desk: RecordingDesk) -> None:
    sandbox.faults.add(Reset(), times=1, only="getUpdates")
    sandbox.faults.add(Answer(502), times=1, only="getUpdates")
    sandbox.faults.add(Answer(429, retry_after=1), times=1, only="getUpdates")
    met(sandbox)
    async with served(an_adapter(sandbox, desk), desk):
        assert [event.text for event in await desk.heard(1)] == ["hello"]


async def test_a_long_failure_is_told(
    sandbox: TelegramSandbox, desk: RecordingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter_module, "_LONGEST_PAUSE", 0.0)
    async with an_adapter(sandbox, desk) as adapter:
        sandbox.faults.add(Answer(502), only="getUpdates")
        with pytest.raises(NotNow, match="cannot be reached"):
            await adapter.serve(desk.handle)
        sandbox.faults.clear()


async def test_two_that_fetch_for_one_bot_are_found_out(sandbox: TelegramSandbox, desk: RecordingDesk) -> None:
    async with an_adapter(sandbox, desk) as first, an_adapter(sandbox, desk) as second:
        both = [asyncio.ensure_future(one.serve(desk.handle)) for one in (first, second)]
        done, left = await asyncio.wait(both, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        for task in left:
            task.cancel()
        await asyncio.wait(both)
        (beaten,) = done
        with pytest.raises(AdapterError, match="somebody else fetches"):
            await beaten


async def test_an_update_that_the_library_cannot_read_does_not_stop_the_others(
    sandbox: TelegramSandbox, desk: RecordingDesk, caplog: pytest.LogCaptureFixture
) -> None:
    ann = met(sandbox)
    sandbox.updates.add("message", {"message_id": "none", "chat": {"no": "chat"}, "dice": {}})
    sandbox.write(ann, "after it")
    async with served(an_adapter(sandbox, desk), desk):
        assert [event.text for event in await desk.heard(2)] == ["hello", "after it"]
    assert sandbox.idle
    assert ("an update cannot be read" in caplog.text, "after it" in caplog.text) == (True, False)


async def test_neither_the_token_nor_what_customers_write_is_logged(
    sandbox: TelegramSandbox, desk: RecordingDesk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ann = sandbox.person()
    async with served(an_adapter(sandbox, desk), desk) as adapter:
        sandbox.write(ann, "my secret wish")
        await desk.heard(1)
        sandbox.faults.add(Reset(), times=1, only="sendMessage")
        with pytest.raises(NotNow):
            await adapter.send(to(ann))
        await adapter.send(to(ann))
    assert (TOKEN in caplog.text, "my secret wish" in caplog.text) == (False, False)


# Sending


@pytest.mark.parametrize(
    ("trouble", "error", "seconds"),
    [
        (Answer(429, retry_after=7), NotNow, 7.0),
        (Answer(500), NotNow, None),
        (Answer(502), NotNow, None),
        (Reset(), NotNow, None),
        (Answer(400), Refused, None),
        (Answer(403), Refused, None),
    ],
    ids=str,
)
async def test_a_failure_says_whether_it_is_tried_again(
    sandbox: TelegramSandbox, desk: RecordingDesk, trouble: Any, error: type[NotNow], seconds: float | None
) -> None:
    ann = met(sandbox)
    async with an_adapter(sandbox, desk) as adapter:
        sandbox.faults.add(trouble, times=1, only="sendMessage")
        with pytest.raises(error) as caught:
            await adapter.send(to(ann))
        assert getattr(caught.value, "seconds", None) == seconds
        await adapter.send(to(ann))
    assert sandbox.texts(ann) == ["Within 14 days."]


async def test_what_nobody_can_get_is_refused(sandbox: TelegramSandbox, desk: RecordingDesk) -> None:
    stranger = sandbox.person()
    adapter = an_adapter(sandbox, desk)
    with pytest.raises(NotNow, match="not open"):
        await adapter.send(to(stranger))
    async with adapter:
        with pytest.raises(Refused, match="can't initiate"):
            await adapter.send(to(stranger))
        with pytest.raises(Refused, match="no chat of Telegram"):
            await adapter.send(a_delivery(ConversationKey("telegram", "anna"), "x"))
        for kind in (DeliveryKind.HANDOFF, DeliveryKind.ALERT):
            with pytest.raises(Refused, match="admin_chat is not set"):
                await adapter.send(to(stranger, kind=kind))
        await adapter.send(to(stranger, text=" "))  # nothing to say is said


async def test_after_a_failure_only_the_missing_parts_are_sent(sandbox: TelegramSandbox, desk: RecordingDesk) -> None:
    ann = met(sandbox)
    text = "\n\n".join(f"{number} {'word ' * 700}" for number in range(3))
    async with an_adapter(sandbox, desk) as adapter:
        with pytest.raises(NotNow):
            await _send_and_break(sandbox, adapter, to(ann, text))
        assert [said.split()[0] for said in sandbox.texts(ann)] == ["0"]
        await adapter.send(to(ann, text))
        await adapter.send(to(ann, "another", number=2))
    assert [said.split()[0] for said in sandbox.texts(ann)] == ["0", "1", "2", "another"]


async def _send_and_break(sandbox: TelegramSandbox, adapter: TelegramAdapter, delivery: Any) -> None:
    """Let the first part pass, and break the second."""
    sending = asyncio.ensure_future(adapter.send(delivery))
    sandbox.faults.add(Hang(0.1), times=1, only="sendMessage")
    await until(lambda: not any("sendMessage" in str(rule) for rule in sandbox.faults.rules))
    sandbox.faults.add(Answer(502), times=1, only="sendMessage")
    await sending


async def test_what_was_begun_ends_before_the_connection_is_closed(
    sandbox: TelegramSandbox, desk: RecordingDesk
) -> None:
    ann = met(sandbox)
    async with an_adapter(sandbox, desk) as adapter:
        sandbox.faults.add(Hang(0.3), times=1, only="sendMessage")
        sending = asyncio.ensure_future(adapter.send(to(ann)))
        await until(lambda: not sandbox.faults.rules)
    await sending
    assert sandbox.texts(ann) == ["Within 14 days."]


async def test_a_group_that_got_another_number_is_still_answered(sandbox: TelegramSandbox, desk: RecordingDesk) -> None:
    team = sandbox.group(supergroup=False)
    async with an_adapter(sandbox, desk) as adapter:
        moved = sandbox.upgrade(team)
        await adapter.send(to(team, number=1))
        await adapter.send(to(team, "once more", number=2))
    assert sandbox.texts(moved) == ["Within 14 days.", "once more"]


async def test_typing_is_shown_to_people_and_its_failure_is_nobodys_business(
    sandbox: TelegramSandbox, desk: RecordingDesk
) -> None:
    ann, team = met(sandbox), sandbox.group()
    async with an_adapter(sandbox, desk) as adapter:
        sandbox.faults.add(Answer(502), times=1, only="sendChatAction")
        for thread in (str(ann.id), str(ann.id), str(team.id), "anna"):
            await adapter.typing(ConversationKey("telegram", thread))
    assert sandbox.methods.actions == [(ann.id, "typing")]
