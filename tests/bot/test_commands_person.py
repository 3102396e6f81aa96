"""Asking for a person in any words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands import wants_person


@pytest.mark.parametrize(
    "text",
    [
        "agent", "Agent!", "human please", "HUMAN", "operator", "representative", "a real person please",
        "I want a human", "can I talk to a person?", "let me speak with someone", "I need to speak to a manager now",
        "please connect me to an agent", "put me through to customer support", "transfer me to a real human being",
        "get me a person", "hand me over to one of your colleagues", "is it possible to chat with a live agent",
        "转人工", "转人工客服", "人工", "人工客服", "请转接人工",
        "我要找人工客服", "找真人", "我想和人工客服聊", "帮我转客服", "麻烦转人工，谢谢",
    ],
)  # fmt: skip
def test_a_wish_for_a_person_is_understood(text: str) -> None:
    assert wants_person(text)


@pytest.mark.parametrize(
    "text",
    [
        "I don't want to talk to a person", "no agent please don't", "when can I talk to a person?",
        "is human hair allowed",
        "what time can I speak to an agent?", "how long until I can talk to someone", "I already spoke to an agent",
        "how much does the three-person tent weigh?", "a tent for one person", "is my data passed to other people?",
        "refund", "", "personal data", "my agent ordered it", "the operator of the ferry",
        "不要转人工", "几点有人工客服？",
        "人工费多少钱", "客服电话是多少", "真人秀是什么", "这是人工皮革吗",
    ],
)  # fmt: skip
def test_other_talk_of_people_is_none(text: str) -> None:
    assert not wants_person(text)


@given(st.text())
def test_any_text_is_judged(text: str) -> None:
    assert wants_person(text) in (True, False)
