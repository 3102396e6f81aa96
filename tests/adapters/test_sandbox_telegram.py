"""The stand-in for Telegram, met with the library that bots use and with plain HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
import telegram
from sandbox_bot import Receiver
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.error import BadRequest, Conflict, Forbidden, NetworkError, RetryAfter
from telegram.ext import AIORateLimiter, Application, CallbackQueryHandler, MessageHandler, filters
from telegram.request import HTTPXRequest

from adapters.sandbox.faults import Answer, Hang, Reset
from adapters.sandbox.journal import Way
from adapters.sandbox.telegram import TOKEN, TelegramSandbox

SECRET = "a-secret_1"  # noqa: S105 - made up


@pytest.fixture(autouse=True)
def new_durations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the library say durations in its new way; the old one warns."""
    monkeypatch.setenv("PTB_TIMEDELTA", "true")


@pytest.fixture
async def sandbox() -> AsyncIterator[TelegramSandbox]:
    async with TelegramSandbox(scale=0.001) as made:
        yield made


@pytest.fixture
async def bot(sandbox: TelegramSandbox) -> AsyncIterator[telegram.Bot]:
    async with a_bot(sandbox) as made:
        yield made


def a_bot(sandbox: TelegramSandbox, token: str | None = None) -> telegram.Bot:
    return telegram.Bot(
        sandbox.token if token is None else token,
        base_url=f"{sandbox.url}/bot",
        base_file_url=f"{sandbox.url}/file/bot",
        request=a_client(),
        get_updates_request=a_client(),
    )


def a_client() -> HTTPXRequest:
    """The library's HTTP client without certificates, which take a third of a second to load and are not used."""
    return HTTPXRequest(httpx_kwargs={"verify": False})


@asynccontextmanager
async def polling(sandbox: TelegramSandbox, *handlers: Any, retries: int = 0) -> AsyncIterator[Application]:
    """An application of the library that fetches updates until the block is left."""
    application = (
        Application.builder()
        .token(sandbox.token)
        .base_url(f"{sandbox.url}/bot")
        .request(a_client())
        .get_updates_request(a_client())
        .rate_limiter(AIORateLimiter(max_retries=retries))
        .build()
    )
    application.add_handlers(handlers)
    async with application:
        await application.start()
        await application.updater.start_polling(poll_interval=0, timeout=5, allowed_updates=Update.ALL_TYPES)
        try:
            yield application
        finally:
            await application.updater.stop()
            await application.stop()


async def echo(update: Update, _context: Any) -> None:
    await update.effective_message.reply_text(f"You said: {update.effective_message.text}")


async def call(sandbox: TelegramSandbox, method: str, token: str = TOKEN, **given: Any) -> dict[str, Any]:
    address = f"{sandbox.url}/bot{token}/{method}"
    async with aiohttp.ClientSession() as session, session.post(address, json=given) as answer:
        return await answer.json()


def numbers(receiver: Receiver) -> list[int]:
    return [update["update_id"] for update in receiver.bodies]


async def test_the_library_polls_and_its_answer_reaches_the_chat(sandbox: TelegramSandbox) -> None:
    ann = sandbox.person("Ann")
    async with polling(sandbox, MessageHandler(filters.TEXT, echo)):
        sandbox.write(ann, "Where is my order? 你好 🎉")
        await sandbox.journal.until(lambda: sandbox.texts(ann))
    assert sandbox.texts(ann) == ["You said: Where is my order? 你好 🎉"]
    assert sandbox.idle


async def test_a_message_reads_as_the_library_knows_it(sandbox: TelegramSandbox, bot: telegram.Bot) -> None:
    bo = sandbox.person("Bo", language="zh-hans", username="bo_li")
    sandbox.faults.clock = timedelta(minutes=-7)
    sandbox.write(bo, "🎉 /start@attendant_test_bot see https://example.org")
    (update,) = await bot.get_updates()
    message = update.message
    assert (message.chat.type, message.chat.id, message.from_user.language_code) == ("private", bo.id, "zh-hans")
    assert [message.parse_entity(entity) for entity in message.entities] == [
        "/start@attendant_test_bot",
        "https://example.org",
    ]
    assert datetime.now(UTC) - message.date > timedelta(minutes=6)


async def test_updates_stay_until_a_higher_offset_confirms_them(sandbox: TelegramSandbox, bot: telegram.Bot) -> None:
    ann = sandbox.person()
    for text in ("one", "two", "three"):
        sandbox.write(ann, text)
    first = await bot.get_updates(limit=2)
    again = await bot.get_updates(limit=2)
    assert [update.message.text for update in again] == ["one", "two"]
    rest = await bot.get_updates(offset=first[-1].update_id + 1)
    assert [update.message.text for update in rest] == ["three"]
    assert await bot.get_updates(offset=rest[-1].update_id + 1) == ()


async def test_a_negative_offset_keeps_only_the_last(sandbox: TelegramSandbox, bot: telegram.Bot) -> None:
    ann = sandbox.person()
    for text in ("one", "two", "three"):
        sandbox.write(ann, text)
    assert [update.message.text for update in await bot.get_updates(offset=-1)] == ["three"]
    assert len(sandbox.updates.pending) == 1


async def test_a_poll_waits_for_the_first_update(sandbox: TelegramSandbox, bot: telegram.Bot) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=5))
    ann = sandbox.person()
    await sandbox.journal.until(lambda: sandbox.updates.polled)
    assert not poll.done()
    sandbox.write(ann, "hello")
    assert [update.message.text for update in await poll] == ["hello"]


async def test_of_two_pollers_the_first_is_thrown_out(sandbox: TelegramSandbox) -> None:
    async with a_bot(sandbox) as one, a_bot(sandbox) as two:
        first = asyncio.create_task(one.get_updates(timeout=5))
        await sandbox.journal.until(lambda: sandbox.updates.polled)
        second = asyncio.create_task(two.get_updates(timeout=5))
        with pytest.raises(Conflict, match="only one bot instance"):
            await first
        sandbox.write(sandbox.person(), "hello")
        assert len(await second) == 1


async def test_polling_is_refused_while_a_webhook_is_set(bot: telegram.Bot) -> None:
    await bot.set_webhook("http://127.0.0.1:9/nobody")
    with pytest.raises(Conflict, match="while webhook is active"):
        await bot.get_updates()
    await bot.delete_webhook()
    assert await bot.get_updates() == ()


async def test_only_kinds_that_were_asked_for_become_updates(sandbox: TelegramSandbox, bot: telegram.Bot) -> None:
    await bot.get_updates(allowed_updates=["message"])
    ann = sandbox.person()
    sandbox.write(ann, "hello")
    sandbox.edit(ann, 1, "hello!")
    sandbox.block(ann)
    assert [update.to_dict().keys() - {"update_id"} for update in await bot.get_updates()] == [{"message"}]


async def test_a_webhook_gets_its_secret_and_is_asked_again_until_it_takes_the_update(
    sandbox: TelegramSandbox, bot: telegram.Bot
) -> None:
    async with Receiver() as receiver:
        receiver.statuses = [500, 404, 302]
        await bot.set_webhook(receiver.url, secret_token=SECRET, allowed_updates=["message"])
        ann = sandbox.person()
        sandbox.write(ann, "one")
        sandbox.write(ann, "two")
        await sandbox.settled()
        info = await bot.get_webhook_info()
    first = numbers(receiver)[0]
    assert numbers(receiver) == [first, first, first, first, first + 1]
    assert {letter.headers["X-Telegram-Bot-Api-Secret-Token"] for letter in receiver.got} == {SECRET}
    assert Update.de_json(receiver.bodies[-1], bot).message.text == "two"
    assert (info.pending_update_count, info.last_error_message) == (0, "Wrong response from the webhook: 302")


async def test_a_webhook_may_see_updates_twice_and_out_of_order(sandbox: TelegramSandbox, bot: telegram.Bot) -> None:
    async with Receiver() as receiver:
        ann = sandbox.person()
        for text in ("one", "two", "three"):
            sandbox.write(ann, text)
        sandbox.faults.duplicates = sandbox.faults.disorder = 1.0
        await bot.set_webhook(receiver.url)
        await sandbox.settled()
    first = min(numbers(receiver))
    assert numbers(receiver) == [first + 1, first + 1, first + 2, first + 2, first, first]


async def test_a_webhook_that_nobody_serves_is_named_in_its_info(sandbox: TelegramSandbox, bot: telegram.Bot) -> None:
    await bot.set_webhook("http://127.0.0.1:9/nobody")
    sandbox.write(sandbox.person(), "hello")
    await sandbox.journal.until(lambda: len(sandbox.journal.of(Way.TO_BOT)) >= 2)
    info = await bot.get_webhook_info()
    assert (info.pending_update_count, info.last_error_message[:12]) == (1, "not reached:")


async def test_a_secret_with_other_characters_is_refused(bot: telegram.Bot) -> None:
    with pytest.raises(BadRequest, match="unallowed characters"):
        await bot.set_webhook("http://127.0.0.1:9/", secret_token=SECRET + " not allowed!")
    with pytest.raises(BadRequest, match=r"(?i)bad webhook"):
        await bot.set_webhook("ftp://127.0.0.1/")


async def test_polled_updates_may_come_once_more_after_they_were_confirmed(
    sandbox: TelegramSandbox, bot: telegram.Bot
) -> None:
    sandbox.write(sandbox.person(), "hello")
    sandbox.faults.duplicates = 1.0
    (first,) = await bot.get_updates()
    (again,) = await bot.get_updates(offset=first.update_id + 1)
    assert (again.update_id, again.message.text) == (first.update_id, "hello")
    assert await bot.get_updates(offset=first.update_id + 1) == ()


@pytest.mark.parametrize(
    ("text", "fits"), [("x" * 4096, True), ("x" * 4097, False), ("🎉" * 2048, True), ("🎉" * 2049, False)]
)
async def test_the_length_of_a_text_counts_in_utf16_units(
    sandbox: TelegramSandbox, bot: telegram.Bot, text: str, fits: bool
) -> None:
    ann = sandbox.person()
    sandbox.write(ann, "hello")
    if fits:
        assert (await bot.send_message(ann.id, text)).text == text
    else:
        with pytest.raises(BadRequest, match=r"[Mm]essage is too long"):
            await bot.send_message(ann.id, text)


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
async def test_an_empty_text_is_refused(sandbox: TelegramSandbox, bot: telegram.Bot, text: str) -> None:
    ann = sandbox.person()
    sandbox.write(ann, "hello")
    with pytest.raises(BadRequest, match=r"empty"):
        await bot.send_message(ann.id, text)


@pytest.mark.parametrize(("data", "fits"), [("x" * 64, True), ("x" * 65, False), ("答" * 21, True), ("答" * 22, False)])
async def test_the_data_of_a_button_has_at_most_64_bytes(
    sandbox: TelegramSandbox, bot: telegram.Bot, data: str, fits: bool
) -> None:
    ann = sandbox.person()
    sandbox.write(ann, "hello")
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("Yes", callback_data=data)]])
    if fits:
        message = await bot.send_message(ann.id, "Sure?", reply_markup=keyboard)
        assert message.reply_markup.inline_keyboard[0][0].callback_data == data
    else:
        with pytest.raises(BadRequest, match=r"(?i)button_data_invalid"):
            await bot.send_message(ann.id, "Sure?", reply_markup=keyboard)


async def test_a_button_is_pressed_answered_and_edited_away(sandbox: TelegramSandbox) -> None:
    async def ask(update: Update, _context: Any) -> None:
        keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("👍", callback_data="fb:7:+")]])
        await update.message.reply_text("Did this help?", reply_markup=keyboard)

    async def pressed(update: Update, _context: Any) -> None:
        await update.callback_query.answer("Thanks")
        await update.callback_query.edit_message_reply_markup(None)

    ann = sandbox.person()
    async with polling(sandbox, MessageHandler(filters.TEXT, ask), CallbackQueryHandler(pressed)):
        sandbox.write(ann, "hello")
        await sandbox.journal.until(lambda: sandbox.texts(ann))
        (asked,) = sandbox.sent(ann)
        with pytest.raises(ValueError, match="no button"):
            sandbox.tap(ann, asked["message_id"], "fb:7:-")
        query = sandbox.tap(ann, asked["message_id"], "fb:7:+")
        await sandbox.journal.until(lambda: "reply_markup" not in sandbox.sent(ann)[0])
    assert sandbox.methods.queries[query] == "Thanks"


async def test_a_query_is_answered_once(sandbox: TelegramSandbox, bot: telegram.Bot) -> None:
    ann = sandbox.person()
    sandbox.write(ann, "hello")
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("👍", callback_data="+")]])
    message = await bot.send_message(ann.id, "Did this help?", reply_markup=keyboard)
    query = sandbox.tap(ann, message.message_id, "+")
    assert await bot.answer_callback_query(query)
    with pytest.raises(BadRequest, match=r"(?i)query is too old"):
        await bot.answer_callback_query(query)


async def test_an_edit_that_changes_nothing_is_refused(sandbox: TelegramSandbox, bot: telegram.Bot) -> None:
    ann = sandbox.person()
    theirs = sandbox.write(ann, "hello")
    message = await bot.send_message(ann.id, "One")
    edited = await bot.edit_message_text("Two", ann.id, message.message_id)
    assert (edited.text, edited.edit_date is not None) == ("Two", True)
    with pytest.raises(BadRequest, match=r"[Mm]essage is not modified"):
        await bot.edit_message_text("Two", ann.id, message.message_id)
    with pytest.raises(BadRequest, match=r"[Mm]essage is not modified"):
        await bot.edit_message_reply_markup(ann.id, message.message_id)
    with pytest.raises(BadRequest, match="can't be edited"):
        await bot.edit_message_text("Two", ann.id, theirs)
    with pytest.raises(BadRequest, match=r"[Mm]essage to edit not found"):
        await bot.edit_message_text("Two", ann.id, 99)


async def test_whoever_blocked_the_bot_is_not_reached(sandbox: TelegramSandbox, bot: telegram.Bot) -> None:
    ann = sandbox.person()
    sandbox.write(ann, "hello")
    sandbox.block(ann)
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(ann.id, "Are you there?")
    sandbox.unblock(ann)
    await bot.send_message(ann.id, "Welcome back")
    _, blocked, unblocked = await bot.get_updates()
    assert (blocked.my_chat_member.new_chat_member.status, unblocked.my_chat_member.new_chat_member.status) == (
        "kicked",
        "member",
    )


async def test_a_bot_cannot_begin_a_conversation(sandbox: TelegramSandbox, bot: telegram.Bot) -> None:
    with pytest.raises(Forbidden, match="can't initiate conversation"):
        await bot.send_message(sandbox.person().id, "Hello")
    with pytest.raises(BadRequest, match=r"[Cc]hat not found"):
        await bot.send_message(4711, "Hello")


async def test_a_wrong_token_is_not_let_in(sandbox: TelegramSandbox) -> None:
    sandbox.token = "2:ANOTHER"  # noqa: S105 - made up
    assert await call(sandbox, "getMe", token=TOKEN) == {
        "ok": False,
        "error_code": 401,
        "description": "Unauthorized",
    }
    async with a_bot(sandbox) as bot:
        assert bot.username == "attendant_test_bot"


async def test_in_a_group_the_bot_hears_only_what_is_meant_for_it(sandbox: TelegramSandbox, bot: telegram.Bot) -> None:
    ann, team = sandbox.person(), sandbox.group()
    sandbox.write(ann, "Lunch?", group=team)
    sandbox.write(ann, "/help", group=team)
    sandbox.write(ann, "/help@other_bot", group=team)
    sandbox.write(ann, "@attendant_test_bot when do you open?", group=team)
    said = await bot.send_message(team.id, "At nine.")
    sandbox.write(ann, "Thanks", group=team, reply_to=said.message_id)
    sandbox.privacy = False
    sandbox.write(ann, "Lunch now?", group=team)
    joined, *heard = await bot.get_updates()
    assert joined.my_chat_member.new_chat_member.status == "member"
    assert [update.message.text for update in heard] == [
        "/help",
        "@attendant_test_bot when do you open?",
        "Thanks",
        "Lunch now?",
    ]
    assert heard[2].message.reply_to_message.text == "At nine."
    sandbox.remove(team)
    with pytest.raises(Forbidden, match="kicked from the supergroup"):
        await bot.send_message(team.id, "Hello?")


async def test_a_group_that_became_a_supergroup_says_where_it_is_now(
    sandbox: TelegramSandbox, bot: telegram.Bot
) -> None:
    team = sandbox.group(supergroup=False)
    moved = sandbox.upgrade(team)
    with pytest.raises(telegram.error.ChatMigrated) as caught:
        await bot.send_message(team.id, "Hello")
    assert caught.value.new_chat_id == moved.id
    _, told, welcomed = await bot.get_updates()
    assert (told.message.migrate_to_chat_id, welcomed.message.migrate_from_chat_id) == (moved.id, team.id)


@pytest.mark.parametrize("kind", ["photo", "voice", "video", "document", "sticker", "location"])
async def test_everything_that_people_send_reads_as_the_library_knows_it(
    sandbox: TelegramSandbox, bot: telegram.Bot, kind: str
) -> None:
    ann = sandbox.person()
    sandbox.send(ann, kind)
    (update,) = await bot.get_updates()
    assert getattr(update.message, kind)
    assert update.message.text is None


async def test_files_can_be_fetched(sandbox: TelegramSandbox, bot: telegram.Bot) -> None:
    sandbox.send(sandbox.person(), "photo", caption="my receipt")
    (update,) = await bot.get_updates()
    file = await bot.get_file(update.message.photo[-1])
    assert (bytes(await file.download_as_bytearray()), update.message.caption) == (b"a test file", "my receipt")


async def test_an_edited_message_keeps_its_number(sandbox: TelegramSandbox, bot: telegram.Bot) -> None:
    ann = sandbox.person()
    number = sandbox.write(ann, "order 4511")
    sandbox.edit(ann, number, "order 4512")
    _, edited = await bot.get_updates()
    assert (edited.edited_message.message_id, edited.edited_message.text) == (number, "order 4512")
    assert edited.edited_message.edit_date is not None


async def test_commands_are_kept_for_each_language(bot: telegram.Bot) -> None:
    await bot.set_my_commands([("help", "What I can do")])
    await bot.set_my_commands([("help", "我能做什么")], language_code="zh")
    assert [command.description for command in await bot.get_my_commands()] == ["What I can do"]
    assert [command.description for command in await bot.get_my_commands(language_code="zh")] == ["我能做什么"]
    await bot.delete_my_commands(language_code="zh")
    assert await bot.get_my_commands(language_code="zh") == ()
    with pytest.raises(BadRequest, match=r"(?i)bot_command_invalid"):
        await bot.set_my_commands([("Not allowed", "x")])


async def test_typing_and_drafts_are_noted(sandbox: TelegramSandbox, bot: telegram.Bot) -> None:
    ann = sandbox.person()
    sandbox.write(ann, "hello")
    await bot.send_chat_action(ann.id, "typing")
    await bot.send_message_draft(ann.id, 1, "Let me")
    assert (sandbox.methods.actions, sandbox.methods.drafts) == ([(ann.id, "typing")], [(ann.id, "Let me")])
    with pytest.raises(BadRequest):
        await bot.send_chat_action(ann.id, "dancing")


async def test_a_reply_names_a_message_that_is_there(sandbox: TelegramSandbox, bot: telegram.Bot) -> None:
    ann = sandbox.person()
    theirs = sandbox.write(ann, "hello")
    assert (await bot.send_message(ann.id, "hi", reply_to_message_id=theirs)).reply_to_message.text == "hello"
    with pytest.raises(BadRequest, match="to be replied not found"):
        await bot.send_message(ann.id, "hi", reply_to_message_id=77)
    said = await bot.send_message(ann.id, "hi", reply_to_message_id=77, allow_sending_without_reply=True)
    assert said.reply_to_message is None


@pytest.mark.parametrize(
    ("mode", "text", "said", "kinds"),
    [
        ("HTML", "<b>Sum</b>: 3 &lt; 4 <a href='https://a.org'>here</a>", "Sum: 3 < 4 here", ["bold", "text_link"]),
        ("HTML", "🎉<code>x</code>", "🎉x", ["code"]),
        ("MarkdownV2", r"*Sum*: 3\.50 _no_ [in](https://a.org/\))", "Sum: 3.50 no in", ["bold", "italic", "text_link"]),
        ("MarkdownV2", "__u__ ~gone~ ||hidden||", "u gone hidden", ["underline", "strikethrough", "spoiler"]),
        ("MarkdownV2", "`a_b` ```\nx*y```", "a_b \nx*y", ["code", "pre"]),
        ("Markdown", "*Sum* _now_ `x` [in](https://a.org)", "Sum now x in", ["bold", "italic", "code", "text_link"]),
    ],
)  # fmt: skip
async def test_markup_becomes_text_and_entities(
    sandbox: TelegramSandbox, bot: telegram.Bot, mode: str, text: str, said: str, kinds: list[str]
) -> None:
    ann = sandbox.person()
    sandbox.write(ann, "hello")
    message = await bot.send_message(ann.id, text, parse_mode=mode)
    assert (message.text, [entity.type for entity in message.entities]) == (said, kinds)


@pytest.mark.parametrize(
    ("mode", "text", "why"),
    [
        ("MarkdownV2", "It costs 3.50", r"Character '\.' is reserved and must be escaped"),
        ("MarkdownV2", "*never closed", "Can't find end of Bold entity at byte offset 0"),
        ("MarkdownV2", "答 `never closed", "Can't find end of Code entity at byte offset 4"),
        ("HTML", "<b>never closed", 'Can\'t find end tag corresponding to start tag "b"'),
        ("HTML", "a <blink>", 'Unsupported start tag "blink" at byte offset 2'),
        ("HTML", "3 < 4", "Unclosed start tag"),
        ("HTML", "<b>x</i>", "Unmatched end tag"),
        ("HTML", "x</b>", "Unexpected end tag"),
        ("Markdown", "snake_case", "Can't find end of the entity starting at byte offset 5"),
        ("Chinese", "x", "unsupported parse_mode"),
    ],
)
async def test_wrong_markup_is_refused(
    sandbox: TelegramSandbox, bot: telegram.Bot, mode: str, text: str, why: str
) -> None:
    ann = sandbox.person()
    sandbox.write(ann, "hello")
    with pytest.raises(BadRequest, match=f"(?i)can't parse entities: {why}"):
        await bot.send_message(ann.id, text, parse_mode=mode)


async def test_parameters_may_come_as_json_too(sandbox: TelegramSandbox) -> None:
    ann = sandbox.person()
    sandbox.write(ann, "hello")
    keyboard = {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}]]}
    said = await call(sandbox, "sendMessage", chat_id=ann.id, text="Sure?", reply_markup=keyboard)
    assert (said["ok"], said["result"]["reply_markup"]) == (True, keyboard)
    assert (await call(sandbox, "sendSmellOfCoffee"))["error_code"] == 404


async def test_a_chat_that_is_flooded_says_how_long_to_wait(sandbox: TelegramSandbox, bot: telegram.Bot) -> None:
    ann, team = sandbox.person(), sandbox.group()
    sandbox.write(ann, "hello")
    sandbox.flood.on = True
    assert 1 <= await flooded(bot, ann.id) <= 3
    assert sandbox.texts(ann) == ["0", "1", "2"]
    assert await flooded(bot, team.id) > 50
    assert len(sandbox.texts(team)) == 20


async def flooded(bot: telegram.Bot, chat: int) -> float:
    """Write until Telegram says no; how long it says to wait."""
    for number in range(30):
        try:
            await bot.send_message(chat, str(number))
        except RetryAfter as error:
            return error.retry_after.total_seconds()
    raise AssertionError("never refused")


async def test_the_rate_limiter_of_the_library_gets_over_a_429(sandbox: TelegramSandbox) -> None:
    ann = sandbox.person()
    async with polling(sandbox, MessageHandler(filters.TEXT, echo), retries=2):
        sandbox.faults.add(Answer(429, retry_after=1), times=1, only="sendMessage")
        sandbox.write(ann, "hello")
        await sandbox.journal.until(lambda: sandbox.texts(ann))
    assert sandbox.texts(ann) == ["You said: hello"]
    assert [entry.outcome for entry in sandbox.journal.of(Way.FROM_BOT, "sendMessage")] == [
        "answered 429, to be asked again in 1 s on purpose",
        "200",
    ]


async def test_polling_goes_on_after_resets_and_errors(sandbox: TelegramSandbox) -> None:
    ann = sandbox.person()
    async with polling(sandbox, MessageHandler(filters.TEXT, echo)):
        sandbox.faults.add(Reset(), times=1, only="getUpdates")
        sandbox.write(ann, "one")
        sandbox.write(ann, "two")
        await sandbox.journal.until(lambda: len(sandbox.texts(ann)) == 2, 10)
    assert sandbox.texts(ann) == ["You said: one", "You said: two"]


async def test_a_reset_after_the_work_leaves_the_message_sent(sandbox: TelegramSandbox, bot: telegram.Bot) -> None:
    ann = sandbox.person()
    sandbox.write(ann, "hello")
    sandbox.faults.add(Reset(), times=1, only="sendMessage", after=True)
    with pytest.raises(NetworkError):
        await bot.send_message(ann.id, "It has arrived, and nobody knows")
    assert sandbox.texts(ann) == ["It has arrived, and nobody knows"]
    sandbox.faults.add(Reset(), times=1, only="sendMessage")
    with pytest.raises(NetworkError):
        await bot.send_message(ann.id, "Lost")
    assert len(sandbox.texts(ann)) == 1


async def test_a_service_that_hangs_makes_the_library_give_up(sandbox: TelegramSandbox, bot: telegram.Bot) -> None:
    ann = sandbox.person()
    sandbox.write(ann, "hello")
    sandbox.faults.add(Hang(0.3), times=1, only="sendMessage", after=True)
    with pytest.raises(telegram.error.TimedOut):
        await bot.send_message(ann.id, "Slow", read_timeout=0.1)
    assert sandbox.texts(ann) == ["Slow"]


async def test_a_500_reads_as_trouble_on_the_other_side(sandbox: TelegramSandbox, bot: telegram.Bot) -> None:
    ann = sandbox.person()
    sandbox.write(ann, "hello")
    sandbox.faults.add(Answer(500), times=1)
    with pytest.raises(NetworkError, match="Internal Server Error"):
        await bot.send_message(ann.id, "Hello")
