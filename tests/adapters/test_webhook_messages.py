"""The webhook from outside: a message is answered once, a person is not talked over, what is known is seen and goes."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest
from webhook_house import ENVIRONMENT, GUARDED, KEY, OLDER, Shop, serving, until

from adapters.webhook.adapter import WebhookAdapter
from bot.errors import NotNow, Refused
from bot.ports import Desk
from bot.testing import AdapterContract, RecordingDesk, a_delivery
from bot.web import Front
from engine.dialogue import ConversationKey
from storage.conversations import open_store
from storage.errors import Unavailable
from tests.builders import FAQ, a_house, a_whole_house
from tests.fakes import BOTH, PERSON

ASKED = {"conversation": "anna", "text": "refund"}


async def test_a_message_is_answered_in_the_response(monkeypatch) -> None:
    async with serving(monkeypatch) as caller:
        answer = await caller.post("/v1/messages", ASKED, name="msg_1")
    assert answer.status == 200
    assert answer.data == {
        "reply": {
            "text": FAQ["refund"],
            "source": "retrieved",
            "confidence": 0.9,
            "entry": "refund",
            "choices": [],
            "handoff": False,
            "reason": "in the table",
        },
        "message_id": "msg_1",
        "conversation": "anna",
        "owner": "bot",
    }


@pytest.mark.parametrize("secret", [None, OLDER], ids=["the newer secret", "the older one"])
async def test_a_signed_message_is_answered(monkeypatch, secret) -> None:
    async with serving(monkeypatch) as caller:
        answer = await caller.signed("/v1/messages", ASKED, **({} if secret is None else {"secret": secret}))
    assert (answer.status, answer.data["reply"]["text"]) == (200, FAQ["refund"])


async def test_choices_are_offered_and_taken_by_their_text(monkeypatch) -> None:
    async with serving(monkeypatch) as caller:
        asked = await caller.post("/v1/messages", {"conversation": "anna", "text": BOTH})
        choices = [choice["text"] for choice in asked.data["reply"]["choices"]]
        taken = await caller.post("/v1/messages", {"conversation": "anna", "text": choices[1]})
    assert choices == list(FAQ)
    assert taken.data["reply"]["text"] == FAQ[choices[1]]


async def test_a_redelivery_gets_the_same_answer_and_is_thought_about_once(monkeypatch) -> None:
    taker = a_house()
    async with serving(monkeypatch, a_whole_house(taker)) as caller:
        answers = await asyncio.gather(*(caller.signed("/v1/messages", ASKED) for _ in range(5)))
        later = await caller.signed("/v1/messages", ASKED, at=60)
    assert len({answer.text for answer in [*answers, later]}) == 1
    assert taker.engine.thought == ["refund"]


async def test_an_id_of_a_message_means_another_message_in_another_conversation(monkeypatch) -> None:
    async with serving(monkeypatch) as caller:
        first = await caller.post("/v1/messages", {**ASKED, "message_id": "1"})
        second = await caller.post("/v1/messages", {"conversation": "ben", "text": "hours", "message_id": "1"})
        again = await caller.post("/v1/messages", {**ASKED, "message_id": "1", "text": "hours"})
    assert [one.data["reply"]["text"] for one in (first, second, again)] == [
        FAQ["refund"],
        FAQ["hours"],
        FAQ["refund"],
    ]


async def test_an_id_of_a_request_is_good_for_one_request(monkeypatch) -> None:
    async with serving(monkeypatch) as caller:
        await caller.signed("/v1/messages", ASKED, "msg_1")
        replayed = await caller.signed("/v1/agent-replies", ASKED, "msg_1")
        changed = await caller.signed("/v1/messages", {**ASKED, "text": "hours"}, "msg_1")
        wrong = await caller.signed("/v1/messages", {**ASKED, "text": 7}, "msg_2")
        mended = await caller.signed("/v1/messages", ASKED, "msg_2")
        assert await caller.owner("anna") == "bot"
    assert (replayed.status, changed.status) == (409, 409)
    assert (wrong.status, mended.status) == (422, 200)
    assert "another request" in changed.data["detail"]


async def test_a_person_takes_over_gives_back_and_closes(monkeypatch) -> None:
    async with serving(monkeypatch) as caller:
        handed = await caller.post("/v1/messages", {"conversation": "anna", "text": PERSON})
        assert (handed.data["reply"]["handoff"], handed.data["owner"]) == (True, "waiting")
        wrote = {"conversation": "anna", "text": "Hello, Mia here.", "agent": "mia"}
        taken = await caller.post("/v1/agent-replies", wrote, name="a-1")
        assert (taken.status, taken.data) == (202, {"conversation": "anna", "id": "a-1", "repeated": False})
        assert (await caller.post("/v1/agent-replies", wrote, name="a-1")).data["repeated"]
        await until_owner(caller, "person")
        silent = await caller.post("/v1/messages", ASKED)
        assert (silent.data["reply"]["text"], silent.data["owner"]) == ("", "person")
        await caller.post("/v1/agent-replies", {"conversation": "anna", "text": "Done.", "give_back": True})
        await until_owner(caller, "bot")
        assert (await caller.post("/v1/messages", ASKED)).data["reply"]["text"] == FAQ["refund"]
        await caller.post("/v1/agent-replies", {"conversation": "anna", "close": True})
        await until_owner(caller, "closed")
        said = (await caller.get("/v1/conversations/anna")).data["turns"]
    assert [turn["text"] for turn in said if turn["role"] == "agent"] == ["Hello, Mia here.", "Done."]
    assert said[-1]["id"] == said[-2]["id"] != ""


async def test_a_conversation_is_seen_and_forgotten(monkeypatch) -> None:
    async with serving(monkeypatch) as caller:
        await caller.post("/v1/messages", ASKED, name="msg_1")
        seen = (await caller.get("/v1/conversations/anna")).data
        gone = await caller.delete("/v1/conversations/anna")
        after = (await caller.get("/v1/conversations/anna")).data
        again = await caller.delete("/v1/conversations/anna")
    assert [(turn["role"], turn["text"], turn["id"]) for turn in seen["turns"]] == [
        ("customer", "refund", "msg_1"),
        ("bot", FAQ["refund"], "msg_1"),
    ]
    assert (gone.status, gone.data) == (200, {"conversation": "anna", "turns": 2})
    assert (after["turns"], again.data["turns"]) == ([], 0)


@pytest.mark.parametrize("name", ["nobody", "a%2Fb", "x" * 300, "%00", "%F0%9F%91%8D", "-", "a%20b"])
async def test_a_conversation_that_is_not_there_is_not_found(monkeypatch, name) -> None:
    async with serving(monkeypatch) as caller:
        assert (await caller.get(f"/v1/conversations/{name}")).status == 404
        assert (await caller.delete(f"/v1/conversations/{name}")).status == 404
        assert [one.key.thread for one in caller.house.store.conversations()] == []


async def test_a_verdict_is_kept(monkeypatch) -> None:
    async with serving(monkeypatch) as caller:
        await caller.post("/v1/messages", ASKED, name="msg_1")
        judged = {"conversation": "anna", "message_id": "msg_1", "verdict": "bad"}
        assert (await caller.post("/v1/feedback", judged)).status == 202
        (one,) = caller.house.store.conversations()
        await until(lambda: bool(caller.house.store.verdicts(one.key)))
        (kept,) = caller.house.store.verdicts(one.key)
    assert kept.verdict == "bad"


async def test_what_cannot_be_stored_or_read_is_asked_for_again(monkeypatch) -> None:
    async with serving(monkeypatch) as caller:
        judged = {"conversation": "anna", "message_id": "m", "verdict": "good"}
        with monkeypatch.context() as broken:
            broken.setattr(caller.house.store, "write", _broken)
            broken.setattr(caller.house.store, "load", _broken)
            failed = await caller.post("/v1/feedback", judged, name="f")
            unread = await caller.get("/v1/conversations/anna")
        again = await caller.post("/v1/feedback", judged, name="f")
    assert (failed.status, failed.headers["Retry-After"], unread.status, again.status) == (503, "5", 503, 202)
    assert "secret" not in failed.text + unread.text


def _broken(*_key: object) -> None:
    raise Unavailable("a secret of the disk")


async def test_a_reply_is_given_though_nobody_can_say_who_has_the_conversation(monkeypatch) -> None:
    async with serving(monkeypatch) as caller:
        with monkeypatch.context() as broken:
            broken.setattr(caller.house, "owner", _broken)
            answer = await caller.post("/v1/messages", ASKED)
    assert (answer.status, answer.data["reply"]["text"], answer.data["owner"]) == (200, FAQ["refund"], None)


async def test_before_it_is_served_a_message_is_to_come_later(adapter) -> None:
    async with Front("127.0.0.1", 0, adapter.routes(), dict) as front, aiohttp.ClientSession() as session:
        sent = {"json": ASKED, "headers": {"Authorization": f"Bearer {KEY}"}}
        async with session.post(f"http://127.0.0.1:{front.port}/v1/messages", **sent) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "5")


async def test_what_is_not_open_sends_nothing(adapter) -> None:
    with pytest.raises(NotNow, match="not open"):
        await adapter.send(a_delivery(ConversationKey("webhook", "anna"), "hello"))


async def test_without_a_callback_nothing_can_be_sent(adapter) -> None:
    async with adapter:
        with pytest.raises(Refused, match="callback_url"):
            await adapter.send(a_delivery(ConversationKey("webhook", "anna"), "hello"))


@pytest.fixture
def adapter(monkeypatch) -> WebhookAdapter:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return WebhookAdapter(GUARDED, RecordingDesk())


async def test_the_reply_is_sent_to_the_callback_until_it_is_taken(monkeypatch) -> None:
    shop = Shop(answers=[(503, {"Retry-After": "0"})])
    async with shop.open():
        calling = {"answer": "callback", "callback_url": shop.url, "allow_private": True}
        async with serving(monkeypatch, **calling) as caller:
            accepted = await caller.signed("/v1/messages", ASKED, "msg_1")
            repeated = await caller.signed("/v1/messages", ASKED, "msg_1")
            at_once = await caller.post("/v1/messages", {"conversation": "ben", "text": "hours", "callback": False})
            await until(lambda: bool(shop.came))
    assert (accepted.status, accepted.data) == (202, {"conversation": "anna", "id": "msg_1", "repeated": False})
    assert repeated.data["repeated"]
    assert at_once.data["reply"]["text"] == FAQ["hours"]
    ((name, event),) = shop.came
    assert (shop.refused, len(name)) == (1, 64)
    assert (event["type"], event["data"]["conversation"], event["data"]["message_id"]) == (
        "reply.created",
        "anna",
        "msg_1",
    )
    assert event["data"]["reply"]["text"] == FAQ["refund"]


async def test_called_back_too_an_id_of_a_message_means_another_in_another_conversation(monkeypatch) -> None:
    async with Shop().open() as shop, serving(monkeypatch, callback_url=shop.url, allow_private=True) as caller:
        for conversation, text in (("anna", "refund"), ("ben", "hours")):
            body = {"conversation": conversation, "text": text, "message_id": "1", "callback": True}
            assert not (await caller.post("/v1/messages", body)).data["repeated"]
        await until(lambda: len(shop.came) == 2)
    data = {event["data"]["conversation"]: event["data"] for _, event in shop.came}
    assert {name: one["reply"]["text"] for name, one in data.items()} == {"anna": FAQ["refund"], "ben": FAQ["hours"]}
    assert [one["message_id"] for one in data.values()] == ["1", "1"]


async def test_a_handoff_brings_the_person_a_note(monkeypatch) -> None:
    shop = Shop()
    async with shop.open(), serving(monkeypatch, callback_url=shop.url, allow_private=True) as caller:
        await caller.post("/v1/messages", {"conversation": "anna", "text": PERSON, "callback": True})
        await until(lambda: len(shop.came) == 2)
    assert [event["type"] for _, event in shop.came] == ["reply.created", "conversation.handed_off"]
    assert "for a person" in shop.came[1][1]["data"]["text"]
    assert len({name for name, _ in shop.came}) == 2


async def test_a_callback_that_is_gone_is_not_called_again(monkeypatch) -> None:
    shop = Shop(answers=[(410, {})] * 5)
    async with shop.open(), serving(monkeypatch, callback_url=shop.url, allow_private=True) as caller:
        await caller.post("/v1/messages", {**ASKED, "callback": True})
        await until(lambda: any(one.parked for one in caller.house.store.pending("webhook")))
        (parked,) = caller.house.store.pending("webhook")
    assert (shop.refused, parked.error) == (1, "the callback answers 410: it is gone")


async def test_a_restart_changes_nothing(monkeypatch, tmp_path) -> None:
    """A message that was answered gets its reply, and what could not be sent is sent, under the id of before."""
    shop = Shop()
    async with shop.open():
        pass  # it had a port, and is gone
    calling = {"callback_url": shop.url, "allow_private": True}
    answers, keys = [], []
    for _run in range(2):
        taker = a_house(store=open_store(f"sqlite:///{tmp_path / 'house.db'}"))
        async with serving(monkeypatch, a_whole_house(taker), **calling) as caller:
            answers.append((await caller.signed("/v1/messages", ASKED, "msg_1")).text)
            answers.append((await caller.signed("/v1/messages", {**ASKED, "callback": True}, "msg_2")).data["repeated"])
            if not keys:
                await until(lambda: any(one.attempts for one in caller.house.store.pending("webhook")))
                keys = [one.idempotency_key for one in caller.house.store.pending("webhook")]
            else:
                async with shop.open():
                    await until(lambda: bool(shop.came))
        taker.store.close()
    assert answers[0] == answers[2]
    assert (answers[1], answers[3]) == (False, True)
    assert taker.engine.thought == []
    assert [name for name, _ in shop.came] == keys


async def test_a_callback_needs_an_address(monkeypatch) -> None:
    async with serving(monkeypatch) as caller:
        answer = await caller.post("/v1/messages", {**ASKED, "callback": True})
    assert (answer.status, answer.data["errors"][0]["pointer"]) == (422, "#/callback")


async def until_owner(caller, owner: str) -> None:
    async with asyncio.timeout(10):
        while await caller.owner("anna") != owner:  # noqa: ASYNC110 - what happens elsewhere rings no bell here
            await asyncio.sleep(0.01)


class TestWebhook(AdapterContract):
    """The webhook under the laws of every adapter, with a callback."""

    @pytest.fixture(autouse=True)
    async def _surroundings(self, monkeypatch):
        for name, value in ENVIRONMENT.items():
            monkeypatch.setenv(name, value)
        self.shop = Shop()
        async with self.shop.open():
            yield

    def build(self, settings, desk: Desk) -> WebhookAdapter:
        calling = {"answer": "callback", "callback_url": self.shop.url, "allow_private": True}
        return WebhookAdapter({**GUARDED, **calling, **settings}, desk)

    async def write(self, adapter, text: str) -> None:
        async with Front("127.0.0.1", 0, adapter.routes(), dict) as front, aiohttp.ClientSession() as session:
            url = f"http://127.0.0.1:{front.port}/v1/messages"
            body, headers = {"conversation": "anna", "text": text}, {"Authorization": f"Bearer {KEY}"}
            async with session.post(url, json=body, headers=headers) as answer:
                assert answer.status == 202

    async def read(self, adapter) -> str:
        del adapter
        await until(lambda: any(event["type"] == "reply.created" for _, event in self.shop.came))
        while (event := self.shop.came.pop(0)[1])["type"] != "reply.created":
            pass
        return json.dumps(event, ensure_ascii=False)
