"""Examples to tune on, from what is known when the validation cases are asked; and these cases as examples."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from evaluation.data.types import Corpus, HeldOut, Split
from evaluation.errors import RunConfigError
from evaluation.protocols.targets import users_of
from evaluation.tuning.config import ExampleConfig
from evaluation.tuning.negatives import Moment, NegativeSource
from evaluation.tuning.selection import SELECTIONS, Rows
from evaluation.types import Case, Training
from prompts.types import PromptContext
from ranking.draws import Draw
from ranking.tuning.types import TuningExample
from retrieval.config import ExampleSettings
from retrieval.protocol import Progress
from retrieval.types import PastItem, User

Offsets: TypeAlias = Callable[[Moment, Sequence[str]], tuple[float, ...]]
"""A past choice and some item ids: a score in logits for each item, in order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Examples:
    """What there is to tune on."""

    examples: tuple[TuningExample, ...]
    notes: tuple[str, ...]


def asked_only_in_test(split: Split) -> frozenset[str]:
    """Users who are asked in the test without being asked in validation: nothing of theirs may be tuned on.

    Of the others, what is known when the validation is asked lies before any question.
    """
    validated = set(users_of(split.validation))
    return frozenset(user for user in users_of(split.test) if user is not None and user not in validated)


def training_examples(
    corpus: Corpus,
    training: Training,
    config: ExampleConfig,
    sources: Sequence[NegativeSource],
    *,
    shown: ExampleSettings,
    barred: frozenset[str],
    seed: int,
    liked_only: bool = False,
    offsets: Offsets | None = None,
    progress: Progress | None = None,
) -> Examples:
    """Lists of one item that was taken and others that never were, at moments of the training data.

    An example shows the latest of what its user did before the moment, as prompts do; some show less (short_share).
    Its candidates are the item taken then and what each source gives, in random order. Every draw depends on the seed
    and on the moment alone. `barred` users give no examples; with `liked_only` only liked items are asked for.
    `offsets` gives what the LLM shall learn to add to, and is asked in the order of time; `progress` hears
    ("examples", made, n) and ("signals of examples", done, n).
    Raises RunConfigError where there is no moment to learn from.
    """
    if not len(training.item_index):
        raise nothing_known(corpus)
    if len(np.unique(training.item_index)) == 1 or len(corpus.item_ids) == 1:
        raise RunConfigError(
            f"all known interactions of data set {corpus.name} are with one item, {_only(training)!r}, so there is no "
            "choice to learn from; import interactions with more items"
        )
    pool = _moments(training, config.min_history, barred, liked_only=liked_only)
    wanted = config.negatives.random + config.negatives.served
    # Which moments are served their item shows only on asking, so more than n have to stand ready.
    rows = SELECTIONS[config.selection](training, pool, len(pool) if config.negatives.served else config.n, seed)
    made: dict[int, TuningExample] = {}
    left = Counter[str]()
    for row in rows.tolist():
        moment = _moment(training, row, dated=corpus.dated)
        drawn = [source.draw(moment) for source in sources]
        negatives = list(dict.fromkeys(item_id for part in drawn for item_id in part or ()))
        if any(part is None for part in drawn):
            left["unserved"] += 1
        elif not negatives:
            left["lonely"] += 1
        else:
            left["fewer"] += len(negatives) < wanted
            made[row] = _example(corpus, moment, negatives, config, shown, seed)
            if progress is not None:
                progress("examples", len(made), config.n)
            if len(made) == config.n:
                break
    if not made:
        raise RunConfigError(_nothing(corpus, len(pool), left, config.min_history))
    if offsets is not None:
        made = _with_offsets(made, training, offsets, progress, dated=corpus.dated)
    return Examples(examples=tuple(made.values()), notes=tuple(_notes(len(made), config.n, wanted, left)))


def nothing_known(corpus: Corpus) -> RunConfigError:
    """The error where no interaction is known before the validation."""
    return RunConfigError(
        f"no interactions of data set {corpus.name} are known before the validation, so there is nothing to tune on"
    )


def validation_cases(cases: Sequence[Case], n: int, seed: int) -> list[Case]:
    """At most n of the cases that hold their target, drawn by their ids; a smaller n gives a part of a larger one."""
    usable = [case for case in cases if any(item.item_id == case.target for item in case.candidates)]
    usable.sort(key=lambda case: Draw(seed=seed, purpose="tuning validation", key=case.case_id).words(1)[0])
    return usable[:n]


def as_examples(
    cases: Iterable[Case],
    users: Mapping[str, User],
    shown: ExampleSettings,
    offsets: Sequence[tuple[float, ...]] | None = None,
) -> list[TuningExample]:
    """Cases as lists to judge an adapter by, put as they are when they are served; offsets are by case."""
    return [
        TuningExample(
            example_id=case.case_id,
            context=PromptContext(
                history=latest(case.history, shown),
                candidates=case.candidates,
                user=users.get(case.user_id or ""),
                lead_words=shown.lead_words,
            ),
            relevance=tuple(float(item.item_id == case.target) for item in case.candidates),
            offsets=None if offsets is None else offsets[place],
        )
        for place, case in enumerate(cases)
    ]


def latest(history: Sequence[PastItem], shown: ExampleSettings) -> tuple[PastItem, ...]:
    """What a prompt shows of a history with `history: recent`; see retrieval.examples.history."""
    kept = _last([past for past in history if past.liked], shown.history_length)
    if not shown.liked_only:
        kept += _last([past for past in history if not past.liked], shown.history_length // 2)
    return tuple(sorted(kept, key=lambda past: (past.timestamp, past.item.item_id)))


def _last(past: list[PastItem], n: int) -> list[PastItem]:
    return past[-n:] if n else []


def _moments(training: Training, min_history: int, barred: frozenset[str], *, liked_only: bool) -> Rows:
    """Rows with enough before them, of users who are not barred, where an item was taken for the first time."""
    users = training.user_index
    before = np.arange(len(users)) - np.searchsorted(users, users)
    keys = users.astype(np.int64) * len(training.item_ids) + training.item_index
    first = np.zeros(len(users), dtype=np.bool_)
    first[np.unique(keys, return_index=True)[1]] = True
    kept = first & (before >= min_history)
    if liked_only:
        kept &= training.liked
    if barred:
        out = np.array([user_id in barred for user_id in training.user_ids], dtype=np.bool_)
        kept &= ~out[users]
    return np.flatnonzero(kept)


def _moment(training: Training, row: int, *, dated: bool) -> Moment:
    user = int(training.user_index[row])
    start = int(np.searchsorted(training.user_index, user))
    user_id, target = training.user_ids[user], training.item_ids[training.item_index[row]]
    history = tuple(
        PastItem(
            item=training.items[training.item_ids[training.item_index[at]]],
            timestamp=float(training.timestamps[at]),
            liked=bool(training.liked[at]),
            rating=None if math.isnan(training.ratings[at]) else float(training.ratings[at]),
        )
        for at in range(start, row)
    )
    held = HeldOut(case_id=f"{user_id}:{target}", user_id=user_id, history=history, target=target)
    return Moment(held=held, as_of=float(training.timestamps[row]) if dated else None)


def _example(
    corpus: Corpus,
    moment: Moment,
    negatives: Sequence[str],
    config: ExampleConfig,
    shown: ExampleSettings,
    seed: int,
) -> TuningExample:
    held = moment.held
    ids = Draw(seed=seed, purpose="order of tuning candidates", key=held.case_id).shuffled(
        [held.target or "", *negatives]
    )
    return TuningExample(
        example_id=held.case_id,
        context=PromptContext(
            history=latest(_cut(held, config.short_share, shown.history_length, seed), shown),
            candidates=tuple(corpus.items[item_id] for item_id in ids),
            user=corpus.users.get(held.user_id or ""),
            lead_words=shown.lead_words,
        ),
        relevance=tuple(float(item_id == held.target) for item_id in ids),
    )


def _with_offsets(
    made: Mapping[int, TuningExample], training: Training, offsets: Offsets, progress: Progress | None, *, dated: bool
) -> dict[int, TuningExample]:
    """The examples of these rows, in the order given. Latent factors of a little before serve a moment, later none."""
    found = dict(made)
    for done, row in enumerate(sorted(made, key=lambda row: float(training.timestamps[row])), start=1):
        ids = [item.item_id for item in made[row].context.candidates]
        found[row] = replace(made[row], offsets=offsets(_moment(training, row, dated=dated), ids))
        if progress is not None:
            progress("signals of examples", done, len(made))
    return found


def _cut(held: HeldOut, share: float, longest: int, seed: int) -> tuple[PastItem, ...]:
    if longest < 1 or Draw(seed=seed, purpose="short histories", key=held.case_id).fraction() >= share:
        return held.history
    length = 1 + int(Draw(seed=seed, purpose="history lengths", key=held.case_id).fraction() * longest)
    return held.history[-length:]


def _only(training: Training) -> str:
    return training.item_ids[int(training.item_index[0])]


def _notes(made: int, asked: int, wanted: int, left: Mapping[str, int]) -> Iterator[str]:
    if made < asked:
        yield f"{asked} examples were asked for and {made} can be made; tuning on these."
    if left["lonely"]:
        yield f"{left['lonely']} moments left out: their users take every item sooner or later."
    if left["unserved"]:
        yield f"{left['unserved']} moments left out: the list that was served then did not hold the item."
    if left["fewer"]:
        yield f"{left['fewer']} examples have fewer than {wanted} negatives: there are no more items."


def _nothing(corpus: Corpus, n_moments: int, left: Mapping[str, int], min_history: int) -> str:
    if left["unserved"]:
        return (
            f"none of {n_moments} moments of data set {corpus.name} was served the item that was taken then; ask for "
            "longer lists (examples.negatives.depth), or for random negatives only"
        )
    if left["lonely"]:
        return (
            f"none of {n_moments} moments of data set {corpus.name} has an item that its user never takes, so there is "
            "nothing to compare with; import more items"
        )
    return (
        f"data set {corpus.name} has no moment to learn from: nobody who may be learnt from is known to have taken an "
        f"item after {min_history} others and before the validation; import more interactions, or ask for less "
        "(examples.min_history)"
    )
