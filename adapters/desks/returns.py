"""Which conversations were said to be the bot's a moment ago."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from adapters.desks.ports import IMPLIED
from engine.dialogue import ChannelEvent, ConversationKey, EventKind

FRESH_SECONDS = 30.0
"""How long it goes without saying: longer than a customer's burst of messages, and not for ever, since another process
may hear of the person who takes over.
"""
REMEMBERED = 10_000


class Returns:
    """Keeps a desk from saying before every message that the conversation is the bot's.

    Said between two messages that belong together it would part them. It is said again after a person was there.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: OrderedDict[ConversationKey, float] = OrderedDict()

    def is_news(self, event: ChannelEvent) -> bool:
        """False for an implied GIVEN_BACK that goes without saying."""
        if event.kind is not EventKind.GIVEN_BACK or not event.event_id.endswith(IMPLIED):
            return True
        return self._clock() - self._told.get(event.key, float("-inf")) > FRESH_SECONDS

    def stored(self, event: ChannelEvent) -> None:
        """An event is known to the house."""
        if event.kind is EventKind.GIVEN_BACK:
            self._told[event.key] = self._clock()
            self._told.move_to_end(event.key)
            if len(self._told) > REMEMBERED:
                self._told.popitem(last=False)
        elif event.kind in (EventKind.PERSON, EventKind.CLOSED):
            self.left(event.key)

    def left(self, key: ConversationKey) -> None:
        """The conversation is, or may be, somebody else's."""
        self._told.pop(key, None)
