"""Messages and replies of a shop, and one turn as the bot takes it."""

from __future__ import annotations

from datetime import UTC, datetime

from engine.dialogue import ConversationKey, Message, Provenance, Reply, Source, Speaker, Turn
from storage.ports import Store

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = ConversationKey("shop", "anna")
OTHER = ConversationKey("shop", "bela")


def a_message(message_id: str = "m1", said: str = "where is it?", key: ConversationKey = KEY) -> Message:
    return Message(key, message_id, said, NOON)


def a_reply(said: str = "on its way") -> Reply:
    return Reply(said, Provenance(Source.RETRIEVED, "shipping", "clear"), 0.9, entry="shipping")


def take(store: Store, message: Message, reply: Reply | None = None) -> None:
    """One turn, as the bot takes it."""
    reply = reply or a_reply()
    conversation = store.load(message.key)
    memory = conversation.memory.hear(Turn(Speaker.CUSTOMER, message.text))
    with store.write() as work:
        work.append(message, reply, NOON)
        work.save(conversation.with_memory(memory))
        work.enqueue(message, reply)
        work.commit()
