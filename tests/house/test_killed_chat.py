"""``kill -9`` in the middle of a chat: what was shown as sent is there afterwards."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from bot.compose import compose
from bot.config import BotConfig, Config
from engine.dialogue import ConversationKey

KEY = ConversationKey("terminal", "killed")
CHAT = """
import sys, uuid
from datetime import UTC, datetime
from pathlib import Path
from bot.compose import compose
from bot.config import BotConfig, Config
from engine.dialogue import ConversationKey, Message
house = compose(Config(bot=BotConfig(data="."), home=Path(sys.argv[1])))
while True:
    message = Message(ConversationKey("terminal", "killed"), uuid.uuid4().hex, "hello " * 40, datetime.now(UTC))
    house.taker.take(message)
    print(message.message_id, flush=True)
"""


def test_no_turn_that_was_shown_is_lost_however_often_the_chat_is_killed(tmp_path: Path) -> None:
    chance = random.Random(7)
    shown: list[str] = []
    for _ in range(12):
        chat = subprocess.Popen([sys.executable, "-c", CHAT, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        first = chat.stdout.readline() if chat.stdout else ""
        time.sleep(chance.random() * 0.2)
        chat.send_signal(signal.SIGKILL)
        rest, _ = chat.communicate()
        shown += [line for line in (first + rest).splitlines(keepends=True) if line.endswith("\n")]

        house = compose(Config(bot=BotConfig(data="."), home=tmp_path))
        answered = {turn.message_id for turn in house.history(KEY, limit=100_000) if turn.message_id}
        turns = len(house.history(KEY, limit=100_000))
        house.close()
        assert {line.strip() for line in shown} <= answered
        assert turns == 2 * len(answered)
    assert len(shown) > 12
