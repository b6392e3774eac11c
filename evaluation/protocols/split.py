"""Parts of a corpus: what may be known, what is asked. Pure.

Where one user falls does not depend on the others, but for the moment of a global-time split.

Leave-one-out lets later interactions of *other* users be known, as the field's tables do; a global-time split does not.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evaluation.data.types import Corpus, Mask, Split
from evaluation.errors import RunConfigError
from evaluation.protocols.config import (
    GivenSplit,
    GlobalTime,
    Labelled,
    LeaveOneOut,
    ProtocolConfig,
    RandomSplit,
    RatingPrediction,
)
from evaluation.protocols.targets import Naming, Rows, TargetRows, user_bounds
from ranking.draws import Draw

VALIDATION = "validation:"
"""Before the ids of validation cases."""

NOTHING_BEFORE = "user with nothing before the target"
NO_TARGET = "user without a target"
LATER = "later target of a user who is asked once"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Eligible:
    """Which rows can be asked, and as what."""

    rows: Mask
    labels: npt.NDArray[np.float64] | None


def split_corpus(corpus: Corpus, protocol: ProtocolConfig, seed: int, given: Split | None = None) -> Split:
    """The split that the protocol asks for. `given` is the data set's own, returned where the protocol says so.

    Raises RunConfigError where there is no given split, no label or rating to ask for, or nothing before a cut.
    """
    config = protocol.split
    if given is not None and not len(corpus.user_index) and not isinstance(config, GivenSplit):
        raise RunConfigError(
            f"data set {corpus.name} has cases of its own and no interactions to split; say split: given"
        )
    if isinstance(config, LeaveOneOut):
        return _leave_one_out(corpus, _eligible(corpus, protocol))
    if isinstance(config, GlobalTime):
        return _global_time(corpus, _eligible(corpus, protocol), config)
    if isinstance(config, RandomSplit):
        return _random(corpus, _eligible(corpus, protocol), config, seed)
    if given is None:
        raise RunConfigError(
            f"data set {corpus.name} has no split of its own; choose split: leave-one-out, global-time or random"
        )
    return given


def _eligible(corpus: Corpus, protocol: ProtocolConfig) -> _Eligible:
    every = np.ones(len(corpus.liked), dtype=np.bool_)
    if isinstance(protocol, RatingPrediction):
        return _Eligible(rows=_rated(corpus, protocol.kind), labels=corpus.ratings)
    if isinstance(protocol, Labelled):
        if protocol.threshold is not None:
            rated = _rated(corpus, protocol.kind)
            return _Eligible(rows=rated, labels=(corpus.ratings >= protocol.threshold).astype(np.float64))
        if corpus.liked.all():
            raise RunConfigError(
                f"data set {corpus.name} has no labels of its own and nothing that was not liked, so protocol labelled "
                "would ask one class only; set threshold if it has ratings, else use protocol sampled or end-to-end"
            )
        return _Eligible(rows=every, labels=corpus.liked.astype(np.float64))
    return _Eligible(rows=corpus.liked if protocol.target == "liked" else every, labels=None)


def _rated(corpus: Corpus, kind: str) -> Mask:
    rated = np.asarray(~np.isnan(corpus.ratings), dtype=np.bool_)
    if not rated.any():
        raise RunConfigError(
            f"data set {corpus.name} has no ratings, which protocol {kind} asks for; use protocol sampled or end-to-end"
        )
    return rated


def _leave_one_out(corpus: Corpus, eligible: _Eligible) -> Split:
    bounds = user_bounds(corpus)
    rows = np.flatnonzero(eligible.rows)
    last = _last_of_each(corpus, rows)
    test, test_reasons = _with_a_past(corpus, bounds, rows[last])
    # What is left of the targets, once the tested ones are taken, has its own last ones: the validation.
    tested = np.zeros(len(corpus.user_ids), dtype=np.bool_)
    tested[corpus.user_index[test]] = True
    rest = rows[~last & tested[corpus.user_index[rows]]]
    validation, validation_reasons = _with_a_past(corpus, bounds, rest[_last_of_each(corpus, rest)])
    without = len(corpus.user_ids) - int(last.sum())
    if without:
        test_reasons[NO_TARGET] = without
    stops = bounds[1:].copy()
    stops[corpus.user_index[test]] = test
    known = _before(corpus, stops)
    stops[corpus.user_index[validation]] = validation
    fitting = _before(corpus, stops)
    return Split(
        known=known,
        test=TargetRows(corpus, test, known, Naming(), labels=eligible.labels, left_out=test_reasons),
        fitting_known=fitting,
        validation=TargetRows(
            corpus,
            validation,
            fitting,
            Naming(prefix=VALIDATION),
            labels=eligible.labels,
            left_out=validation_reasons,
        ),
    )


def _global_time(corpus: Corpus, eligible: _Eligible, config: GlobalTime) -> Split:
    times = np.sort(corpus.timestamps)
    begin, end = (float(times[int(share * len(times))]) for share in (config.validation_quantile, config.quantile))
    if not times[0] < begin < end:
        raise RunConfigError(
            f"data set {corpus.name}: the times at quantiles {config.validation_quantile} and {config.quantile} do not "
            "cut it into three parts; choose quantiles farther apart, or split: leave-one-out"
        )
    known, fitting = corpus.timestamps < end, corpus.timestamps < begin
    once = config.per_user == "first"

    def part(asked: Mask, known: Mask, prefix: str) -> TargetRows:
        rows = np.flatnonzero(asked & eligible.rows)
        left_out: Counter[str] = Counter()
        if once:
            first = _first_of_each(corpus, rows)
            left_out[LATER] = int((~first).sum())
            rows = rows[first]
        naming = Naming(prefix=prefix, with_item=not once)
        return TargetRows(corpus, rows, known, naming, labels=eligible.labels, left_out=+left_out)

    return Split(
        known=known,
        test=part(~known, known, ""),
        fitting_known=fitting,
        validation=part(known & ~fitting, fitting, VALIDATION),
    )


def _random(corpus: Corpus, eligible: _Eligible, config: RandomSplit, seed: int) -> Split:
    users, items = corpus.user_ids, corpus.item_ids
    pairs = zip(corpus.user_index.tolist(), corpus.item_index.tolist(), strict=True)
    keys = (items[item] if config.by == "item" else f"{users[user]}\n{items[item]}" for user, item in pairs)
    places = np.fromiter(
        (Draw(seed=seed, purpose="split", key=key).fraction() for key in keys),
        dtype=np.float64,
        count=len(corpus.user_index),
    )
    fitting = places < config.train
    # Without a validation part its rows go to the test, whatever 1 - train - validation rounds to.
    in_validation = ~fitting & (places < config.train + config.validation)
    in_test = ~fitting & ~in_validation
    known = fitting | in_validation if config.refit else fitting
    test = TargetRows(
        corpus, np.flatnonzero(in_test & eligible.rows), known, Naming(with_item=True), labels=eligible.labels
    )
    validation = TargetRows(
        corpus,
        np.flatnonzero(in_validation & eligible.rows),
        fitting,
        Naming(prefix=VALIDATION, with_item=True),
        labels=eligible.labels,
    )
    return Split(known=known, test=test, fitting_known=fitting, validation=validation)


def _last_of_each(corpus: Corpus, rows: Rows) -> Mask:
    """Which of the ascending rows are their user's last."""
    users = corpus.user_index[rows]
    return np.append(users[1:] != users[:-1], np.ones(min(len(rows), 1), dtype=np.bool_))


def _first_of_each(corpus: Corpus, rows: Rows) -> Mask:
    """Which of the ascending rows are their user's first."""
    users = corpus.user_index[rows]
    return np.append(np.ones(min(len(rows), 1), dtype=np.bool_), users[1:] != users[:-1])


def _with_a_past(corpus: Corpus, bounds: Rows, rows: Rows) -> tuple[Rows, Counter[str]]:
    """The rows that are not their user's first interaction, and the count of those that are."""
    has_past = rows > bounds[corpus.user_index[rows]]
    return rows[has_past], +Counter({NOTHING_BEFORE: int((~has_past).sum())})


def _before(corpus: Corpus, stops: Rows) -> Mask:
    """Rows that lie before their user's stop."""
    return np.asarray(np.arange(len(corpus.user_index)) < stops[corpus.user_index], dtype=np.bool_)
