"""The whole house with a model of the sample FAQ: what a newcomer sees, through real processes and a real database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.cli.knowledge import changed_since
from bot.compose import House, compose
from bot.config import BotConfig, Config
from engine.dialogue import ConversationKey, Message, Reply, Source
from engine.knowledge.template import values_in
from engine.respond import Engine
from engine.training.data import sample
from engine.training.evaluate import evaluate, read_questions

KEY = ConversationKey("terminal", "anna")


def open_house(folder: Path, model: Path) -> House:
    return compose(replace(Config(), bot=BotConfig(data="."), home=folder), model=model)


def ask(house: House, text: str, number: int) -> Reply:
    return house.taker.take(Message(KEY, str(number), text, datetime.now(UTC)))


def attendant(*arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bot.cli.main", *arguments]
    variables = {**os.environ, **environment}
    return subprocess.run(command, input=stdin, capture_output=True, text=True, env=variables, timeout=120, check=False)


def test_a_follow_up_is_answered_from_memory_after_a_restart(tmp_path: Path, sample_model: Path) -> None:
    house = open_house(tmp_path, sample_model)
    assert ask(house, "do you offer express delivery?", 1).entry == "delivery-express"
    house.close()

    reopened = open_house(tmp_path, sample_model)
    reply = ask(reopened, "and how much is it?", 2)
    reopened.close()
    assert reply.entry == "delivery-express"
    assert "£8.50" in reply.text


def test_the_same_words_without_a_conversation_before_them_are_not_answered(tmp_path: Path, sample_model: Path) -> None:
    house = open_house(tmp_path, sample_model)
    reply = ask(house, "and how much is it?", 1)
    house.close()
    assert reply.provenance.source in (Source.CLARIFY, Source.FIXED)


def test_a_model_knows_that_the_faq_is_the_one_it_was_trained_from(sample_model: Path) -> None:
    trained = Engine.load(sample_model).knowledge
    assert changed_since(Config(bot=BotConfig(data="."), home=sample_model), trained) == ""


def test_a_chinese_question_gets_a_chinese_answer(tmp_path: Path, sample_model: Path) -> None:
    house = open_house(tmp_path, sample_model)
    reply = ask(house, "可以用微信支付吗", 1)
    house.close()
    assert reply.entry == "zh-pay-chinese-wallets"
    assert "微信" in reply.text


def test_an_order_number_given_before_stands_in_a_later_answer(tmp_path: Path, sample_model: Path) -> None:
    house = open_house(tmp_path, sample_model)
    ask(house, "hi, my order is FW-482913", 1)
    reply = ask(house, "where is my parcel? I want to track it", 2)
    house.close()
    assert reply.entry == "track-parcel"
    assert "FW-482913" in reply.text


def test_no_reply_to_the_test_questions_holds_a_number_that_its_entries_do_not_hold(sample_model: Path) -> None:
    engine = Engine.load(sample_model)
    questions = [question.text for question in read_questions(sample("test_questions.csv"), engine.knowledge)]
    composed = 0
    for question, response in zip(questions, engine.respond_many(questions), strict=True):
        if response.provenance.source is Source.GENERATED:
            composed += 1
            entries = [part.split(" by ")[0] for part in response.provenance.origin.split(", ")]  # of two questions two
            sources = " ".join([question, *(engine.knowledge[entry].answer for entry in entries)])
            assert [value for value in values_in(response.text) if value not in sources] == []
    assert composed > 0


def test_most_test_questions_are_answered_right_and_most_others_declined(sample_model: Path) -> None:
    engine = Engine.load(sample_model)
    figures = evaluate(engine, read_questions(sample("test_questions.csv"), engine.knowledge)).to_json()
    assert figures["in_scope"]["right"] >= 0.7
    assert figures["in_scope"]["wrong"] <= 0.08
    assert figures["out_of_scope"]["wrong"] <= 0.3


def test_understanding_a_question_needs_no_pytorch(sample_model: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from engine.respond import Engine, Settings;"
        f"engine = Engine.load(Path({str(sample_model)!r}), Settings(generate=False));"
        "print(engine.respond_many(['do you take paypal'])[0].entry, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["payment-methods", "False"]


def test_ask_prints_one_json_object_of_the_promised_form(tmp_path: Path, sample_model: Path) -> None:
    done = attendant("ask", "--json", "--model", str(sample_model), "do you take paypal?", HOME=str(tmp_path))
    reply = json.loads(done.stdout)
    assert list(reply) == [
        "conversation",
        "text",
        "source",
        "grade",
        "confidence",
        "entry",
        "choices",
        "candidates",
        "ms",
    ]
    assert (reply["entry"], len(reply["candidates"])) == ("payment-methods", 10)


@pytest.mark.parametrize("text", ["", "   ", "\x00", "\x1b[2J", "a" * 20_000, "?", "👍" * 300, "[@click=app.quit]x[/]"])
def test_no_text_brings_the_bot_down(tmp_path: Path, sample_model: Path, text: str) -> None:
    house = open_house(tmp_path, sample_model)
    reply = ask(house, text, 1)
    house.close()
    assert reply.text
