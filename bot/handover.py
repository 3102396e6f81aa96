"""What becomes of a conversation when something happens in it that is no message of the customer's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot import ownership
from bot.commands import parse
from bot.ownership import Event, Owner
from engine.dialogue import ChannelEvent, EventKind, Message, Reply, Speaker, Turn
from engine.knowledge.entries import Knowledge
from engine.memory import WorkingMemory
from engine.ports import Say
from engine.summary import in_words, summarised
from storage.ports import Conversation

_HAPPENED = {
    EventKind.PERSON: Event.PERSON_SPOKE,
    EventKind.GIVEN_BACK: Event.GIVEN_BACK,
    EventKind.CLOSED: Event.CLOSED,
}


def after_event(
    conversation: Conversation, event: ChannelEvent, knowledge: Knowledge, say: Say, locale: str
) -> Conversation:
    """The conversation after a person spoke in it, gave it back, or closed it.

    What a person says is remembered; whoever comes back from a person is asked nothing that was open before, and is not
    taken for angry still; of what is closed, slots and a summary are left.
    """
    before = ownership.read(conversation.owner)
    owner = ownership.after(before, _HAPPENED[event.kind])
    memory = conversation.memory
    if event.kind is EventKind.PERSON:
        memory = memory.leave_form().offer(()).hear(Turn(Speaker.AGENT, event.text))
    elif owner is Owner.CLOSED and before is not Owner.CLOSED:
        memory = memory.rested(in_words(summarised(memory, knowledge), say, locale))
    elif owner is not before:
        memory = replace(memory.leave_form().offer(()), moods=())
    return replace(conversation, owner=owner.value, memory=memory)


def note(memory: WorkingMemory, reply: Reply, knowledge: Knowledge, say: Say, locale: str) -> str:
    """What a person who takes over reads: the conversation in short, and why it was passed on."""
    told = in_words(summarised(memory, knowledge), say, locale)
    return "\n".join(part for part in (told, reply.provenance.reason) if part)


def joined(events: Sequence[ChannelEvent]) -> Message:
    """Messages that a customer sent in a burst as one, under the id of the last.

    Args:
        events: At least one, in any order.
    """
    ordered = sorted(events, key=lambda event: event.at)
    last = ordered[-1]
    return Message(
        last.key,
        last.event_id,
        "\n".join(event.text for event in ordered if event.text.strip()),
        last.at,
        last.sender,
        tuple(dict.fromkeys(one for event in ordered for one in event.attachments)),
    )


def burst(events: Sequence[ChannelEvent]) -> int:
    """How many of the events, from the first, belong together as one message: commands and all else stand alone."""

    def joins(event: ChannelEvent) -> bool:
        return event.kind is EventKind.MESSAGE and parse(event.text) is None and event.sender == events[0].sender

    count = 0
    while count < len(events) and joins(events[count]):
        count += 1
    return max(count, min(1, len(events)))
