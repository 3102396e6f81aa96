"""What led to a reply: the evidence adds up to the scores, and everything shown is what was thought."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts import (
    HOURS,
    KNOWLEDGE,
    REFUND,
    WORDS,
    TableGenerator,
    a_base,
    an_encoder,
    an_engine,
)

from engine.arbiter import ThresholdArbiter
from engine.calibration import Thresholds
from engine.dialogue import Source
from engine.explain import MOST_SHOWN, explain, matches
from engine.explanation import MEANINGS, NONE_MEANINGS, Contender, Explanation, Match
from engine.knowledge.entries import Entry, Knowledge
from engine.memory import WorkingMemory
from engine.ports import Generation, Reading
from engine.promise import fit_promise
from engine.ranker import CANDIDATE_FEATURES, NONE_FEATURES, LearnedRanker, RankerWeights
from engine.respond import Engine, Settings
from engine.retrieval.retriever import HybridRetriever
from engine.text.features import tokens
from engine.training.steps import weights_of
from engine.understand.head import HeadUnderstander
from engine.understand.reader import PieceReader, QuestionReader
from engine.understand.slots import SlotFinder
from engine.understand.tone import Tone

DELIVERY = Entry(
    "delivery", "Delivery takes 3 days.", ("How long does delivery take?", "delivery time"), "delivery", "en"
)
SHOP = KNOWLEDGE.merged([DELIVERY])
WEIGHTS = RankerWeights(
    tuple((-1) ** place * (place + 1) / 7 for place in range(len(CANDIDATE_FEATURES))),
    tuple((-1) ** place / (place + 2) for place in range(len(NONE_FEATURES))),
)
FOLLOWING = RankerWeights(tuple(0.5 for _ in CANDIDATE_FEATURES), tuple(0.25 for _ in NONE_FEATURES))
TWO = "how do i get a refund? when are you open?"
BOTH = {
    TWO: {"refund": 0.4, "hours": 0.3},
    "how do i get a refund?": {"refund": 0.9},
    "when are you open?": {"hours": 0.9},
    "when are you open? @refund": {"hours": 0.7},
}


def a_retriever(knowledge: Knowledge = SHOP) -> HybridRetriever:
    return HybridRetriever.build(knowledge, None)


def a_whole_engine(knowledge: Knowledge = SHOP, understander: HeadUnderstander | None = None) -> Engine:
    """An engine of real parts, with weights that were never trained."""
    encoder = an_encoder(entries=len(knowledge))
    return Engine(
        fingerprint="f" * 32,
        knowledge=knowledge,
        understander=understander or HeadUnderstander(WORDS, weights_of(encoder)),
        retriever=a_retriever(knowledge),
        ranker=LearnedRanker(knowledge, WEIGHTS, FOLLOWING),
        arbiter=ThresholdArbiter(knowledge, Thresholds(0.6, 0.3, 0.9), choices=3),
        generator=None,
        settings=Settings(),
        promise=fit_promise([], max_wrong_rate=0.02),
    )


WHOLE = a_whole_engine()


def by_entry(found: Explanation, part: int = 0) -> Mapping[str | None, Contender]:
    return {one.entry: one for one in found.parts[part].contenders}


def after(engine: Engine, *texts: str) -> WorkingMemory:
    memory = WorkingMemory()
    for text in texts:
        memory = engine.respond(text, memory).memory
    return memory


def test_every_feature_of_the_ranker_has_a_meaning() -> None:
    assert tuple(MEANINGS) == CANDIDATE_FEATURES
    assert tuple(NONE_MEANINGS) == NONE_FEATURES


@pytest.mark.parametrize(
    "text", ["when are you open", "delivrey time", "几点开门", "wholly different", "and how is it?"]
)
@pytest.mark.parametrize("before", [(), ("When are you open?",)])
def test_what_the_features_add_sums_up_to_scores_whose_softmax_are_the_confidences(
    text: str, before: tuple[str, ...]
) -> None:
    memory = WorkingMemory().push_topic("hours") if before else WorkingMemory()
    part = explain(WHOLE, text, memory).parts[0]
    assert len(part.contenders) == MOST_SHOWN + 1
    assert [one.entry is None for one in part.contenders] == [False] * MOST_SHOWN + [True]
    first = part.contenders[0]
    for one in part.contenders:
        assert one.score == pytest.approx(sum(feature.adds for feature in one.features))
        assert math.log(one.confidence / first.confidence) == pytest.approx(one.score - first.score, abs=1e-3)
        assert (
            tuple(feature.name for feature in one.features)
            == (NONE_FEATURES, CANDIDATE_FEATURES)[one.entry is not None]
        )
    weights = (WEIGHTS, FOLLOWING)[part.topic is not None].candidate
    for feature, weight in zip(first.features, weights, strict=True):
        assert feature.adds == pytest.approx(feature.value * weight)


def test_the_best_come_first_with_the_question_that_stands_for_them() -> None:
    found = explain(WHOLE, "when are you open").parts[0].contenders
    assert [one.confidence for one in found[:-1]] == sorted((one.confidence for one in found[:-1]), reverse=True)
    assert [one.question for one in found[:-1]] == [SHOP[one.entry].questions[0] for one in found[:-1]]
    assert (found[-1].entry, found[-1].question) == (None, "")


def test_the_explanation_is_that_of_the_reply_and_changes_nothing() -> None:
    generator = TableGenerator({"refund": Generation("You get your money back within ⟨1⟩ days.", 0.5, True)})
    engine = an_engine(BOTH, generator=generator)
    ranker = engine.ranker
    said = explain(engine, "how do i get a refund?").reply
    given = engine.respond("how do i get a refund?", WorkingMemory())
    assert (engine.ranker, engine.generator) == (ranker, generator)
    assert (said.text, said.source, said.reason) == (given.text, Source.RETRIEVED, given.provenance.reason)
    assert "not sure of its words (0.50)" in said.reason
    (composed,) = said.composed
    assert (composed.entry, composed.confidence) == ("refund", 0.5)
    assert composed.text == "You get your money back within ⟨1⟩ days."


def test_what_was_not_composed_is_not_shown_as_such() -> None:
    engine = an_engine(BOTH, generator=TableGenerator({}))
    assert explain(engine, "how do i get a refund?").reply.composed == ()
    assert explain(an_engine(BOTH), "nobody knows").reply.composed == ()


def test_every_reading_is_shown_with_what_would_be_done_with_it() -> None:
    found = explain(an_engine(BOTH), TWO)
    assert [(part.kind, part.text, part.topic, part.verdict) for part in found.parts] == [
        ("message", TWO, None, "clarify"),
        ("question", "how do i get a refund?", None, "answer"),
        ("question", "when are you open?", None, "answer"),
        ("follow-up", "when are you open?", "refund", "answer"),
    ]
    assert [part.contenders[0].confidence for part in found.parts] == [0.4, 0.9, 0.9, 0.7]
    assert found.parts[3].before == "how do i get a refund?"
    assert found.reply.text == f"{REFUND.answer}\n\n{HOURS.answer}"


def test_a_message_without_words_or_with_insults_alone_is_judged_as_the_engine_judges_it() -> None:
    found = explain(an_engine({"???": {"refund": 0.9}, "you idiot": {"refund": 0.9}}), "???")
    assert (found.tone, found.parts[0].verdict, found.parts[0].reason) == (
        Tone.WORDLESS,
        "decline",
        "there is no word in it",
    )
    assert explain(an_engine({"you idiot": {"refund": 0.9}}), "you idiot").parts[0].reason == found_reason("you idiot")


def found_reason(text: str) -> str:
    return an_engine({text: {"refund": 0.9}}).respond(text, WorkingMemory()).provenance.reason


def test_words_are_those_that_the_encoder_reads_with_shares_that_sum_up_to_one() -> None:
    part = explain(WHOLE, "When are you opne? 几点 a@b.example").parts[0]
    assert [word.text for word in part.words] == ["when", "are", "you", "opne", "几", "点", "email"]
    assert [word.known for word in part.words] == [True, False, True, False, True, True, False]
    assert sum(word.attention for word in part.words) == pytest.approx(1, abs=1e-5)


def test_an_engine_that_reads_pieces_shows_the_words_that_they_make_up() -> None:
    base = a_base()
    reader = PieceReader(QuestionReader(base.tokenizer, SlotFinder()))
    size = base.weights["vector.weight"].shape[1]
    entries = {"head.weight": np.zeros((len(SHOP) + 1, size)), "head.bias": np.zeros(len(SHOP) + 1)}
    engine = a_whole_engine(understander=HeadUnderstander(reader, {**base.weights, **entries}))
    part = explain(engine, "When are you opne? 几点").parts[0]
    assert "".join(word.text for word in part.words) == "whenareyouopne?几点"
    assert sum(word.attention for word in part.words) == pytest.approx(1, abs=1e-5)
    assert {word.text: word.known for word in part.words}["?"]


def test_values_are_those_of_this_message_and_say_whether_the_network_reads_them() -> None:
    found = explain(WHOLE, "My name is Anna, order number 12345678", after(WHOLE, "I am Ben, b@c.example"))
    assert {one.name: (one.value, one.read) for one in found.values} == {
        "name": ("Anna", True),
        "order_number": ("12345678", False),
    }
    assert found.memory is not None
    assert found.memory.values == {"name": "Ben", "email": "b@c.example"}


def test_the_nearest_stored_questions_are_named_as_they_were_written() -> None:
    nearest = explain(WHOLE, "how long does delivrey take").parts[0].nearest
    assert len(nearest) <= MOST_SHOWN
    first = nearest[0]
    assert (first.question, first.entry) == ("How long does delivery take?", "delivery")
    assert Match("take", "take", 1.0) in first.matches
    (typed_wrong,) = [match for match in first.matches if match.typed == "delivrey"]
    assert typed_wrong.stored == "delivery"
    assert 1 / 3 <= typed_wrong.alike < 1
    assert 0 < first.words < 1
    assert first.words < explain(WHOLE, "how long does delivery take").parts[0].nearest[0].words
    assert [one.words + one.grams for one in nearest] == sorted(
        (one.words + one.grams for one in nearest), reverse=True
    )


@pytest.mark.parametrize("text", ["when are you open on holidays?", "money money back", "几点开门 hours", "delivrey"])
@pytest.mark.parametrize("small", [True, False])
def test_the_shares_of_stored_questions_are_those_that_the_evidence_is_made_of(
    text: str, small: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.retrieval.index.small", lambda _segment: small)
    retriever = a_retriever()
    reading = Reading(text, "en")
    (evidence,) = retriever.retrieve([reading], WHOLE.understander.understand([reading]))
    stored = retriever.nearest(text, 100)
    assert stored
    for kind in ("words", "grams"):
        best = {one.place: 0.0 for one in stored}
        for one in stored:
            best[one.place] = max(best[one.place], getattr(one, kind))
        found = dict(zip(evidence.places.tolist(), getattr(evidence, kind).tolist(), strict=True))
        assert best == pytest.approx({place: found[place] for place in best}, abs=1e-5)


def test_nothing_stored_is_near_to_what_has_nothing_in_common_with_it() -> None:
    assert explain(WHOLE, "zzz").parts[0].nearest == ()


def test_memory_is_shown_with_what_it_changed() -> None:
    table = {"hours?": {"hours": 0.8}, "and it?": {"refund": 0.5}, "and it? @hours": {"hours": 0.7}}
    engine = an_engine(table)
    found = explain(engine, "and it?", after(engine, "hours?"))
    assert found.parts[0].topic == "hours"
    memory = found.memory
    assert memory is not None
    assert (memory.turn, memory.topic, memory.offered, memory.settled) == (1, "hours", (), ())
    assert memory.best is not None
    assert memory.alone is not None
    assert [(one.entry, one.confidence) for one in (memory.best, memory.alone)] == [("hours", 0.7), ("refund", 0.5)]
    assert explain(engine, "and it?").memory is None


def test_choices_and_what_was_settled_by_them_are_remembered() -> None:
    engine = an_engine({"open": {"hours": 0.3, "holidays": 0.25}})
    offered = after(engine, "open")
    found = explain(engine, "2", offered)
    assert found.memory is not None
    assert [choice.entry for choice in found.memory.offered] == ["hours", "holidays"]
    assert (found.memory.about, found.reply.reason.partition(";")[0]) == (
        "open",
        "the customer chose it from what was offered",
    )
    settled = explain(engine, "open", after(engine, "open", "2"))
    assert settled.memory is not None
    assert [(one.question, one.entries) for one in settled.memory.settled] == [("open", ("holidays",))]
    assert "chose it for the same question before" in settled.reply.reason


def test_parts_of_another_make_are_explained_as_far_as_they_can_be() -> None:
    part = explain(an_engine(BOTH), "how do i get a refund?").parts[0]
    assert (part.words, part.pieces, part.nearest) == ((), (), ())
    assert [(one.entry, one.features) for one in part.contenders] == [("refund", ()), (None, ())]
    assert part.contenders[-1].confidence == pytest.approx(0.1)


def test_thresholds_and_promise_are_those_in_force() -> None:
    found = explain(WHOLE, "when are you open")
    assert found.thresholds == Thresholds(0.6, 0.3, 0.9)
    assert WHOLE.promise is not None
    assert found.promise == WHOLE.promise.sentence() != ""
    assert explain(an_engine({}), "when are you open").promise == ""


def test_without_entries_nothing_comes_into_question_and_the_reply_says_so() -> None:
    found = explain(an_engine({}, knowledge=Knowledge(())), "refund", WorkingMemory(turn=1))
    assert (found.parts, found.reply.source) == ((), Source.FIXED)


@pytest.mark.parametrize(
    "text",
    ["", " ", "\x00\u200b", "😀" * 300, "a" * 5000, "几点开门" * 300, "? ! ？", "\udcff", "<b>⟨1⟩</b>", "é" * 80],
)
def test_any_text_is_explained_as_plain_data(text: str) -> None:
    data = explain(WHOLE, text).to_json()
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    json.dumps(data, ensure_ascii=False).encode("utf-8")


texts = st.text(st.sampled_from("abcdelivry 几点开门？é-’"), max_size=40) | st.text(max_size=40)


@given(texts, texts)
def test_matches_are_words_of_both_texts(text: str, stored: str) -> None:
    for match in matches(text, stored):
        assert 1 / 3 <= match.alike <= 1
        assert any(match.typed in token for token in tokens(text))
        assert any(match.stored in token for token in tokens(stored))
        assert match.alike == 1 or match.typed != match.stored


@given(texts)
def test_every_word_of_a_text_matches_itself(text: str) -> None:
    assert dict.fromkeys((match.typed, match.stored) for match in matches(text, text)) == dict.fromkeys(
        (token, token) for token in tokens(text)
    )


@pytest.mark.parametrize(
    ("text", "stored", "common"),
    [
        ("wo kann ich", "open hours", []),
        ("refunds", "money refund", [("refunds", "refund")]),
        ("几点开门啊", "你们开门几点", [("几点", "几点"), ("开门", "开门")]),
        ("ipad 几点", "IPAD几点？", [("ipad", "ipad"), ("几点", "几点")]),
        ("", "open", []),
        ("open", "", []),
    ],
)
def test_words_in_common(text: str, stored: str, common: list[tuple[str, str]]) -> None:
    assert [(match.typed, match.stored) for match in matches(text, stored)] == common


def test_explaining_alone_loads_no_pytorch() -> None:
    program = "import sys, engine.explain; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
