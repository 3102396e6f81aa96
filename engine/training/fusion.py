"""Fitting the ranker: weights of the evidence, from questions that no evidence was trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.ranker import CANDIDATE_FEATURES, NONE_FEATURES, Features, RankerWeights

PRIOR = {
    "understanding": 1.0, "dense": 0.7, "dense_lead": 0.4, "linear": 2.5, "linear_lead": 1.5, "meaning": 0.2,
    "words": 0.5, "answers": 2.0, "covered_words": 0.9, "covered_grams": 0.6, "fuzzy": 0.3, "other_language": -3.0,
}  # fmt: skip
"""Where the weights are pulled to: what several FAQs agreed on. With a few dozen questions they hardly move, and
follow-ups, which hardly occur in a FAQ, keep them."""

NONE_PRIOR = {"always": 1.5, "outside": 0.3, "understanding": -0.3, "known": -0.4}

UNTRIED = {
    "understanding": 0.35, "understanding_lead": 0.45, "dense": -0.35, "dense_lead": -0.4, "linear": 3.7,
    "linear_lead": -1.0, "meaning": 0.6, "meaning_lead": -0.9, "meaning_of_answer": 0.85, "words": 5.3, "grams": -1.2,
    "grams_lead": -0.95, "answers": 1.3, "covered_words": 1.4, "covered_grams": 0.65, "fuzzy": 0.45, "fuzzy_set": 0.1,
    "other_language": -3.0,
}  # fmt: skip
"""The weights where no question at all could be held out: what nine knowledges with one or two questions an entry, and
real questions for them, agreed on; those with real answers counted four times."""

NONE_UNTRIED = {
    "always": 1.95, "understanding": -0.6, "dense": 0.3, "linear": -0.1, "meaning": -0.35, "words": 1.05, "grams": 0.4,
    "covered": -0.2, "fuzzy": 1.15, "known": -0.3, "length": -0.7,
}  # fmt: skip

FOLLOW_UP = {"same_topic": 2.3, "near_topic": 2.7, "together": 3.5, "before": -1.5}
"""What a follow-up adds to the weights before any follow-up was seen: it leans on its topic."""
NOT_FOR_FOLLOW_UPS = (
    "understanding", "understanding_lead", "dense", "dense_lead", "meaning", "meaning_lead", "meaning_of_answer",
)  # fmt: skip
"""The encoders read whole questions; what they make of "and how long does that take?" by itself is misleading."""

_GOES_ON = tuple(step / 20 for step in range(31))  # weights that are tried; with 1 memory counts as it was learned
_FEWEST, _SURE = 30, 2.0  # cases, and standard errors by which memory must be better than none


def for_follow_ups(weights: RankerWeights) -> RankerWeights:
    """Weights for follow-ups where no logged conversation says better; also where fitting them starts from."""
    own = dict(zip(CANDIDATE_FEATURES, weights.candidate, strict=True))
    own |= dict.fromkeys(NOT_FOR_FOLLOW_UPS, 0.0)
    return RankerWeights(tuple(own[name] + FOLLOW_UP.get(name, 0.0) for name in CANDIDATE_FEATURES), weights.none)


def fit_ranker(
    cases: Sequence[tuple[Features, int]], *, towards: RankerWeights | None = None, strength: float = 0.02
) -> RankerWeights:
    """Fit by maximum likelihood with a ridge.

    How much the conversation so far counts is fitted last, beside what the message itself says.

    Args:
        cases: Features of a question and the place of the right entry, -1 where none is right. A right entry that is
            not among the candidates counts as none: it cannot be given.
        towards: Where the ridge pulls to, ``PRIOR`` by default.
        strength: The ridge.
    """
    if not cases:
        return towards or _weights(UNTRIED, NONE_UNTRIED)
    rows = _rows(cases)
    goal = towards or _weights(PRIOR, NONE_PRIOR)
    *own, goes_on = goal.candidate
    prior, none_prior = torch.tensor(own), torch.tensor(goal.none)
    candidate = prior.clone().requires_grad_()
    outside = none_prior.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([candidate, outside], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(rows.scores(candidate, outside), rows.target)
        loss = loss + strength * (((candidate - prior) ** 2).mean() + ((outside - none_prior) ** 2).mean())
        loss.backward()  # type: ignore[no-untyped-call]  # PyTorch leaves it untyped
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    fitted = RankerWeights((*candidate.tolist(), goes_on), tuple(outside.tolist()))
    return fit_goes_on(cases, fitted)


def fit_goes_on(cases: Sequence[tuple[Features, int]], weights: RankerWeights) -> RankerWeights:
    """Weights that also look at the conversation so far, as much as makes the right entries likeliest.

    Where that is no more than chance would make them, or fewer of them come first, it counts for nothing. Without a
    case that has a conversation before it, the weights stay as they are.

    Args:
        cases: As for ``fit_ranker``.
        weights: All other weights, which stay.
    """
    rows = _rows(cases)
    told = (rows.goes_on != 0).any(dim=1)
    if not told.any():
        return weights
    scores = rows.scores(torch.tensor(weights.candidate[:-1]), torch.tensor(weights.none))[told]
    more = torch.cat([rows.goes_on, torch.zeros(len(rows.goes_on), 1)], dim=1)[told]
    target = rows.target[told]
    scored = [scores + weight * more for weight in _GOES_ON]
    surprise = [torch.nn.functional.cross_entropy(one, target, reduction="none") for one in scored]
    best = min(range(len(_GOES_ON)), key=lambda at: float(surprise[at].mean()))
    first, before = (int((scored[at].argmax(dim=1) == target).sum()) for at in (best, 0))
    gains = surprise[0] - surprise[best]
    sure = len(gains) >= _FEWEST and float(gains.mean()) > _SURE * float(gains.std()) / len(gains) ** 0.5
    sure = sure and first >= before
    return RankerWeights((*weights.candidate[:-1], _GOES_ON[best] if sure else 0.0), weights.none)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Cases side by side: features ``own`` (B, N, F) of which ``real`` (B, N) are, those of none (B, G), ``goes_on``
    (B, N), and ``target`` (B,), the place of the right one, N for none.
    """

    own: Tensor
    real: Tensor
    none: Tensor
    goes_on: Tensor
    target: Tensor

    def scores(self, candidate: Tensor, none: Tensor) -> Tensor:
        """Scores without the conversation so far. Shape: (B, N + 1)."""
        scores = (self.own @ candidate).masked_fill(~self.real, float("-inf"))
        return torch.cat([scores, (self.none @ none)[:, None]], dim=1)


def _rows(cases: Sequence[tuple[Features, int]]) -> _Rows:
    most = max((len(features.places) for features, _ in cases), default=1)
    rows = torch.zeros(len(cases), most, len(CANDIDATE_FEATURES))
    real = torch.zeros(len(cases), most, dtype=torch.bool)
    none = torch.zeros(len(cases), len(NONE_FEATURES))
    target = torch.full((len(cases),), most)
    for row, (features, place) in enumerate(cases):
        count = len(features.places)
        rows[row, :count] = torch.from_numpy(features.candidates)
        real[row, :count] = True
        none[row] = torch.from_numpy(features.none)
        if place >= 0 and place in features.places:
            target[row] = int((features.places == place).argmax())
    return _Rows(rows[..., :-1].contiguous(), real, none, rows[..., -1], target)


def _weights(candidate: Mapping[str, float], none: Mapping[str, float]) -> RankerWeights:
    return RankerWeights(
        tuple(candidate.get(name, 0.0) for name in CANDIDATE_FEATURES),
        tuple(none.get(name, 0.0) for name in NONE_FEATURES),
    )
