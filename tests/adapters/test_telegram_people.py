"""People of the company in the admin chat: what they are told, and how what they write reaches the customer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from telegram_house import VARIABLES, an_adapter, buttons, key, met, served, to, until

from adapters.sandbox.faults import Answer
from adapters.sandbox.journal import Way
from adapters.sandbox.telegram import TelegramSandbox
from adapters.sandbox.telegram_methods import refused
from adapters.telegram import adapter as adapter_module
from adapters.telegram import reception
from adapters.telegram.places import message_name
from bot.testing import RecordingDesk, a_delivery
from engine.dialogue import ChannelEvent, ConversationKey, EventKind, Speaker, Turn
from storage.ports import DeliveryKind, StoredTurn
from tests.builders import NOON


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


class OwnedDesk(RecordingDesk):
    """A desk whose conversations belong to ``holder``."""

    def __init__(self, holder: str) -> None:
        super().__init__()
        self.holder = holder

    def owner(self, key: ConversationKey) -> str:  # noqa: ARG002 - the port's
        return self.holder


async def test_an_alert_reaches_the_admin_chat_and_is_about_no_conversation(
    sandbox: TelegramSandbox, desk: RecordingDesk
) -> None:
    office, bo = sandbox.group("Office"), sandbox.person("Bo")
    key = ConversationKey("telegram", "alerts")
    async with served(an_adapter(sandbox, desk, admin_chat=office.id), desk) as adapter:
        await adapter.send(a_delivery(key, "Angry about: delivery\n“late!\n#1001", kind=DeliveryKind.ALERT))
        (said,) = sandbox.sent(office)
        sandbox.write(bo, "who says that?", group=office, reply_to=said["message_id"])
        await until(lambda: sandbox.idle)
    assert (desk.events, buttons(said), said["text"].endswith("#1001\n—")) == ([], {}, True)


async def test_a_long_note_can_be_answered_wherever_one_replies(sandbox: TelegramSandbox, desk: RecordingDesk) -> None:
    ann, office, bo = met(sandbox), sandbox.group("Office"), sandbox.person("Bo")
    async with served(an_adapter(sandbox, desk, admin_chat=office.id), desk) as adapter:
        await adapter.send(to(ann, "so much to tell\n\n" * 400, kind=DeliveryKind.HANDOFF))
        first, last = sandbox.sent(office)
        assert (list(buttons(first)), len(buttons(last))) == ([], 3)
        sandbox.write(bo, "Hello", group=office, reply_to=first["message_id"])
        await until(lambda: sandbox.texts(ann))
    assert [(event.kind, event.text, event.key.thread) for event in desk.events[1:]] == [
        (EventKind.PERSON, "Hello", str(ann.id))
    ]


async def test_an_answer_that_meets_a_flood_is_sent_after_it(sandbox: TelegramSandbox, desk: RecordingDesk) -> None:
    ann, office, bo = met(sandbox), sandbox.group("Office"), sandbox.person("Bo")
    async with served(an_adapter(sandbox, desk, admin_chat=office.id), desk) as adapter:
        await adapter.send(to(ann, "note", kind=DeliveryKind.HANDOFF))
        sandbox.faults.add(Answer(429, retry_after=1), times=1, only="sendMessage")
        sandbox.write(bo, "Hello", group=office, reply_to=sandbox.sent(office)[0]["message_id"])
        await until(lambda: len(sandbox.sent(office)) == 2)
    assert (sandbox.texts(ann), sandbox.texts(office)[1].splitlines()[0]) == (["Hello"], "✓ Sent to the customer.")


async def test_an_answer_that_comes_in_twice_goes_out_once(sandbox: TelegramSandbox, desk: RecordingDesk) -> None:
    ann, office, bo = met(sandbox), sandbox.group("Office"), sandbox.person("Bo")
    async with served(an_adapter(sandbox, desk, admin_chat=office.id), desk) as adapter:
        await adapter.send(to(ann, "note", kind=DeliveryKind.HANDOFF))
        await until(lambda: sandbox.idle)
        sandbox.faults.duplicates = 1.0
        sandbox.write(bo, "Hello", group=office, reply_to=sandbox.sent(office)[0]["message_id"])
        await until(lambda: sandbox.texts(ann) and sandbox.idle)
    fetched = [entry.what for entry in sandbox.journal.of(Way.TO_BOT, "update")]
    assert (len(fetched), sandbox.texts(ann)) == (len(set(fetched)) + 1, ["Hello"])


async def test_an_answer_that_was_stored_by_a_process_that_died_is_sent_by_the_next(
    sandbox: TelegramSandbox, desk: RecordingDesk
) -> None:
    ann, office, bo = met(sandbox), sandbox.group("Office"), sandbox.person("Bo")
    async with an_adapter(sandbox, desk, admin_chat=office.id) as adapter:
        await adapter.send(to(ann, "note", kind=DeliveryKind.HANDOFF))
    number = sandbox.write(bo, "Hello", group=office, reply_to=sandbox.sent(office)[0]["message_id"])
    stored = ChannelEvent(key(ann), message_name(office.id, number), EventKind.PERSON, NOON, "Hello")
    assert await desk.receive(stored)
    async with served(an_adapter(sandbox, desk, admin_chat=office.id), desk):
        await until(lambda: sandbox.texts(ann))
    assert (sandbox.texts(ann), [event.text for event in desk.events]) == (["Hello"], ["Hello", "hello"])


async def test_an_answer_that_never_arrives_is_told(sandbox: TelegramSandbox, desk: RecordingDesk) -> None:
    ann, office, bo = met(sandbox), sandbox.group("Office"), sandbox.person("Bo")
    sandbox.block(ann)
    async with served(an_adapter(sandbox, desk, admin_chat=office.id), desk) as adapter:
        await adapter.send(to(ann, "note", kind=DeliveryKind.HANDOFF))
        sandbox.write(bo, "Hello", group=office, reply_to=sandbox.sent(office)[0]["message_id"])
        await until(lambda: len(sandbox.sent(office)) == 2)
    assert sandbox.texts(office)[1].startswith("✗ Not sent: Forbidden: bot was blocked by the user")


async def test_a_telegram_that_stays_away_gives_the_answer_back(
    sandbox: TelegramSandbox, desk: RecordingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reception, "_LONGEST_WAIT", 0.0)
    ann, office, bo = met(sandbox), sandbox.group("Office"), sandbox.person("Bo")
    async with served(an_adapter(sandbox, desk, admin_chat=office.id), desk) as adapter:
        await adapter.send(to(ann, "note", kind=DeliveryKind.HANDOFF))
        sandbox.faults.add(Answer(502), times=reception.ATTEMPTS, only="sendMessage")
        sandbox.write(bo, "Hello", group=office, reply_to=sandbox.sent(office)[0]["message_id"])
        await until(lambda: len(sandbox.sent(office)) == 2)
    assert (sandbox.texts(ann), "✗ Not sent" in sandbox.texts(office)[1]) == ([], True)


async def test_photos_go_both_ways(sandbox: TelegramSandbox) -> None:
    carried: list[tuple[str, int, int, int]] = []

    def carry(given: Any, name: str) -> Any:
        numbers = (given.number("chat_id"), given.number("from_chat_id"), given.number("message_id"))
        carried.append((name, *numbers))
        said = sandbox.chats.keep(numbers[0], sandbox.chats.bot, {"text": name})
        return {"message_id": said["message_id"]} if name == "copy" else said

    sandbox.methods.table["copymessage"] = lambda given: carry(given, "copy")
    sandbox.methods.table["forwardmessage"] = lambda given: carry(given, "forward")
    desk = OwnedDesk("person")
    ann, office, bo = sandbox.person(), sandbox.group("Office"), sandbox.person("Bo")
    async with served(an_adapter(sandbox, desk, admin_chat=office.id), desk):
        number = sandbox.send(ann, "photo", caption="broken")
        await until(lambda: len(sandbox.sent(office)) == 2)
        note = sandbox.sent(office)[1]
        assert note["text"] == f"💬 [photo] broken\n\n#{ann.id}"
        content = {"photo": [{"file_id": "f", "file_unique_id": "f", "width": 1, "height": 1}]}
        answer = sandbox._say(bo, content, office, note["message_id"])
        await until(lambda: len(sandbox.sent(office)) == 3)
    assert carried == [("forward", office.id, ann.id, number), ("copy", ann.id, office.id, answer)]


async def test_what_a_customer_writes_to_a_person_is_shown_whatever_fails_beside_it(sandbox: TelegramSandbox) -> None:
    desk = OwnedDesk("waiting")
    ann, office = sandbox.person(), sandbox.group("Office")
    async with served(an_adapter(sandbox, desk, admin_chat=office.id), desk):
        sandbox.faults.add(Answer(400), only="forwardMessage")
        sandbox.faults.add(Answer(429, retry_after=1), times=1, only="sendMessage")
        sandbox.send(ann, "photo", caption="broken")
        await until(lambda: sandbox.sent(office))
    assert sandbox.texts(office) == [f"💬 [photo] broken\n\n#{ann.id}"]


async def test_what_is_still_to_be_said_holds_nobody_up_who_closes(
    sandbox: TelegramSandbox, desk: RecordingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter_module, "_CLOSING", 0.1)
    ann = sandbox.person()
    sandbox.faults.add(Answer(429, retry_after=60), only="sendMessage")
    async with served(an_adapter(sandbox, desk), desk):
        for _ in range(3):
            sandbox.write(ann, "/start")
        await until(lambda: sandbox.idle and sandbox.journal.of(Way.FROM_BOT, "sendMessage"))
    assert [task for task in asyncio.all_tasks() if "_after" in str(task.get_coro())] == []


async def test_what_was_sent_before_a_person_takes_over_is_forwarded(sandbox: TelegramSandbox) -> None:
    class Told(RecordingDesk):
        def history(self, key: ConversationKey, *, limit: int) -> Sequence[StoredTurn]:  # noqa: ARG002
            said = ["[photo] broken", "refund", "[file]", "[voice]"]
            names = [message_name(ann.id, 1), message_name(ann.id, 2), message_name(ann.id, 3), "unknown"]
            return [
                StoredTurn(number, Turn(Speaker.CUSTOMER, text), NOON, name)
                for number, (text, name) in enumerate(zip(said, names, strict=True))
            ]

    forwarded: list[int] = []

    def forward(given: Any) -> Any:
        forwarded.append(given.number("message_id"))
        if len(forwarded) == 1:
            raise refused(400, "message to forward not found")
        return sandbox.chats.keep(given.number("chat_id"), sandbox.chats.bot, {"text": "forwarded"})

    sandbox.methods.table["forwardmessage"] = forward
    ann, office = met(sandbox), sandbox.group("Office")
    async with an_adapter(sandbox, Told(), admin_chat=office.id) as adapter:
        await adapter.send(to(ann, "note", kind=DeliveryKind.HANDOFF))
    assert (forwarded, len(sandbox.sent(office)), sandbox.texts(office)[0]) == ([1, 3], 2, "forwarded")


async def test_where_a_person_has_the_conversation_the_channel_greets_nobody(sandbox: TelegramSandbox) -> None:
    desk = OwnedDesk("person")
    ann = sandbox.person()
    async with served(an_adapter(sandbox, desk), desk):
        sandbox.write(ann, "/start")
        await until(lambda: sandbox.idle)
        desk.holder = "bot"
        sandbox.write(ann, "/language")
        await until(lambda: sandbox.sent(ann))
    assert [said[:9] for said in sandbox.texts(ann)] == ["Just writ"]


async def test_an_admin_chat_that_cannot_be_written_to_is_told(
    sandbox: TelegramSandbox, desk: RecordingDesk, caplog: pytest.LogCaptureFixture
) -> None:
    async with an_adapter(sandbox, desk, admin_chat=-4711):
        assert "the bot cannot write in admin_chat" in caplog.text


async def test_an_admin_chat_that_gets_another_number_goes_on(sandbox: TelegramSandbox, desk: RecordingDesk) -> None:
    ann, office, bo = met(sandbox), sandbox.group("Office", supergroup=False), sandbox.person("Bo")
    async with served(an_adapter(sandbox, desk, admin_chat=office.id), desk) as adapter:
        moved = sandbox.upgrade(office)
        await until(lambda: sandbox.idle)
        await adapter.send(to(ann, "note", kind=DeliveryKind.HANDOFF))
        (note,) = sandbox.sent(moved)
        sandbox.write(bo, "Hello", group=moved, reply_to=note["message_id"])
        await until(lambda: sandbox.texts(ann))
    async with an_adapter(sandbox, desk, admin_chat=office.id) as adapter:  # the configuration has the old number
        await adapter.send(to(ann, "once more", kind=DeliveryKind.HANDOFF, number=2))
    assert len(sandbox.sent(moved)) == 3
