"""Groups put into words, compared with a FAQ, and written as a table that the FAQ takes in."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts import KNOWLEDGE, REFUND, ThemeEncoder, an_engine

from engine.base.base import BaseEncoder, shipped
from engine.errors import KnowledgeError
from engine.knowledge.entries import Knowledge
from engine.knowledge.table import read_knowledge
from engine.mining.coverage import covered_by_meaning, covered_by_model
from engine.mining.pairs import Pair
from engine.mining.table import COLUMNS, write_topics
from engine.mining.topics import Cover, Status, Topic, central, mine
from engine.understand.slots import SlotFinder

BASE = BaseEncoder(shipped(), SlotFinder())
ASKED = ["How do I get a refund?", "how can I get my money refunded", "I want a refund", "How do I get a refund"]
HOURS = ["When are you open?", "what are your opening hours", "which opening hours do you have"]


def some_pairs(questions: list[str], answers: list[str], first: int = 0, locale: str = "en") -> list[Pair]:
    both = zip(questions, answers, strict=True)
    return [Pair(question, answer, first + place, locale) for place, (question, answer) in enumerate(both)]


def a_topic(question: str = "How do I get a refund?", answer: str = "Within 14 days.", **more: object) -> Topic:
    values: dict[str, object] = {"phrasings": ("money back",), "share": 0.5, "answers": 4, "conversations": 3}
    return Topic(question=question, answer=answer, locale="en", **{**values, **more})  # type: ignore[arg-type]  # named in a test


def written(folder: Path, table: str) -> Path:
    path = folder / "mined.csv"
    path.write_text(table, "utf-8")
    return path


def test_the_most_frequent_topic_comes_first_and_says_in_how_many_conversations() -> None:
    pairs = [*some_pairs(HOURS, ["From 9 to 17."] * 3, 10), *some_pairs(ASKED, ["Within 14 days."] * 4)]
    pairs.append(Pair("I want a refund", "Within 14 days.", 0, "en"))  # asked again in the same conversation
    found = mine(pairs, BASE, most=10, least=2)
    assert [topic.conversations for topic in found.topics] == [4, 3]
    assert [topic.answer for topic in found.topics] == ["Within 14 days.", "From 9 to 17."]
    refund, hours = found.topics
    assert {refund.question, *refund.phrasings} <= {*ASKED}
    assert {hours.question, *hours.phrasings} <= {*HOURS}
    assert len({text.rstrip("?") for text in (refund.question, *refund.phrasings)}) == 1 + len(refund.phrasings)


def test_only_so_many_topics_of_so_many_conversations_are_described() -> None:
    pairs = [*some_pairs(HOURS, ["9"] * 3, 10), *some_pairs(ASKED, ["14"] * 4), *some_pairs(["sell tents?"], ["y"], 20)]
    assert (len(mine(pairs, BASE, most=1, least=2).topics), mine(pairs, BASE, most=1, least=2).found) == (1, 2)
    assert mine(pairs, BASE, most=9, least=4).found == 1
    assert mine(pairs, BASE, most=9, least=1).found == 3
    assert mine([], BASE, most=9, least=1).topics == ()


def test_languages_do_not_mix() -> None:
    pairs = [*some_pairs(["refund"], ["a"]), *some_pairs(["refund"], ["b"], 1, "zh")]
    assert {topic.locale for topic in mine(pairs, ThemeEncoder("refund"), most=9, least=1).topics} == {"en", "zh"}


def test_no_topic_holds_personal_data() -> None:
    questions = [f"refund for {name}@example.com" for name in ("anna", "ben", "carl")]
    pairs = some_pairs(questions, ["Sent to anna@example.com", "Sent to ben@example.com", "Sent to x@example.com"])
    (topic,) = mine(pairs, BASE, most=9, least=1).topics
    assert "@" not in str(topic.to_json())
    assert (topic.answer, topic.share) == ("Sent to ⟨email⟩", 1.0)


def test_what_the_bot_did_is_counted() -> None:
    outcomes = ["declined", "declined", "asked back", "handed over"]
    pairs = [Pair(text, "", place, "en", outcomes[place]) for place, text in enumerate(ASKED)]
    (topic,) = mine(pairs, BASE, most=9, least=1).topics
    assert topic.outcomes == {"declined": 2, "asked back": 1, "handed over": 1}
    assert (topic.answer, topic.share, topic.answers) == ("", 0.0, 0)


def test_the_central_answer_is_the_one_that_most_others_agree_with() -> None:
    answers = ["A refund takes 14 days.", "A refund takes 14 days", "Refunds take 14 days.", "We are open on Sunday."]
    answer, share, count = central(answers, BASE)
    assert "14" in answer
    assert (share, count) == (0.75, 4)


def test_answers_with_other_numbers_do_not_agree() -> None:
    answers = ["A refund takes 14 days.", "A refund takes 30 days.", "A refund takes 14 days."]
    assert central(answers, BASE)[:2] == ("A refund takes 14 days.", pytest.approx(2 / 3))


def test_a_model_says_what_is_covered_by_its_own_thresholds() -> None:
    chances = {"a": 0.8, "b": 0.4, "c": 0.1}
    engine = an_engine({text: {"refund": chance} for text, chance in chances.items()})
    topics = [a_topic(text, phrasings=()) for text in (*chances, "nobody knows")]
    covers = [topic.cover for topic in covered_by_model(topics, engine)]
    assert [cover.status for cover in covers] == [Status.COVERED, Status.PARTLY, Status.NEW, Status.NEW]
    assert [cover.entry for cover in covers] == ["refund", "refund", "", ""]
    assert covers[0].confidence == pytest.approx(0.8)


def test_a_model_is_asked_several_phrasings_and_believed_on_average() -> None:
    engine = an_engine({"a": {"refund": 0.9}, "b": {"hours": 0.5, "refund": 0.3}})
    (topic,) = covered_by_model([a_topic("a", phrasings=("b",))], engine)
    assert (topic.cover.entry, topic.cover.confidence) == ("refund", pytest.approx(0.6))


def test_without_a_model_meaning_says_what_is_covered() -> None:
    topics = [a_topic("How do I get a refund?", phrasings=()), a_topic("can a dog swim across a lake", phrasings=())]
    same, other = covered_by_meaning(topics, KNOWLEDGE, BASE)
    assert same.cover == Cover(Status.COVERED, REFUND.id, pytest.approx(1.0, abs=1e-3))
    assert (other.cover.status, other.cover.entry) == (Status.NEW, "")
    assert covered_by_meaning(topics, Knowledge(()), BASE)[0].cover == Cover()


def test_the_faq_reads_the_table_and_an_id_that_is_taken_is_not_used_again(tmp_path: Path) -> None:
    topics = [
        a_topic(),
        a_topic(answer="Another one.", phrasings=()),
        a_topic("5天退款？", "十四天内。", phrasings=()),
    ]
    table = write_topics(topics, ["how-do-i-get-a-refund"])
    assert table.splitlines()[0] == ",".join(COLUMNS)
    found = read_knowledge([written(tmp_path, table)])
    assert [entry.answer for entry in found] == ["Within 14 days.", "Another one.", "十四天内。"]
    assert found.entries[0].questions == ("How do I get a refund?", "money back")
    assert "how-do-i-get-a-refund" not in found
    assert len({entry.id for entry in found}) == 3
    assert found.entries[2].id.startswith("topic-")


def test_a_topic_without_an_answer_is_refused_until_somebody_writes_one(tmp_path: Path) -> None:
    table = write_topics([a_topic(answer="", answers=0)])
    with pytest.raises(KnowledgeError, match="is empty in every row"):
        read_knowledge([written(tmp_path, table)])
    edited = table.replace("How do I get a refund?,,", "How do I get a refund?,In 14 days.,", 1)
    assert [entry.answer for entry in read_knowledge([written(tmp_path, edited)])] == ["In 14 days."]


def test_a_formula_of_a_customer_is_text_to_a_spreadsheet(tmp_path: Path) -> None:
    table = write_topics([a_topic('=HYPERLINK("http://x","refund")', "+1 day")])
    assert not any(row.startswith(("=", '"=')) for row in table.splitlines())
    (entry,) = read_knowledge([written(tmp_path, table)])
    assert (entry.questions[0], entry.answer) == ('=HYPERLINK("http://x","refund")', "+1 day")


@given(question=st.text(min_size=1, max_size=40), answer=st.text(min_size=1, max_size=40))
def test_any_topic_reads_back_as_it_was_or_says_why_not(
    question: str, answer: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = written(tmp_path_factory.mktemp("mined"), write_topics([a_topic(question, answer, phrasings=())]))
    try:
        (entry,) = read_knowledge([path])
    except KnowledgeError:
        return
    assert entry.questions[0] in question.replace("\r\n", "\n").replace("\r", "\n") or not question.isprintable()
