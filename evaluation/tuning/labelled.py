"""Examples from labelled cases, of which there are few: each row also teaches what its own history says.

A row says whether a user liked one item, and its history what they liked and disliked before. Some of the history is
held out and asked for beside the row's own item, so that one row is several lists, all of them within the few rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.errors import RunConfigError
from evaluation.tuning.examples import Examples, latest
from evaluation.types import Case
from prompts.types import PromptContext
from ranking.draws import Draw
from ranking.tuning.types import TuningExample
from retrieval.config import ExampleSettings
from retrieval.types import Item

HELD_OUT = 3
"""At most so many items of the history are asked for, liked or not as chance has it: were as many of one kind as of the
other, nobody would seem to like more than others do, which is the most that such rows tell. One stays at least."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    item: Item
    liked: bool


def labelled_examples(
    cases: Sequence[Case], *, views: int, shown: ExampleSettings, seed: int, by_order: bool
) -> Examples:
    """`views` lists a case, each with other parts of its history held out; its own item is in each of them.

    Every draw depends on the seed, the case and the view alone. With `by_order` lists whose items are all liked, or all
    disliked, have nothing to tell apart and are left out, which the notes count; a loss that goes point by point needs
    them: without them nobody would seem to like much more than others do. Raises RunConfigError where no list is left.
    """
    found = [_example(case, view, shown, seed) for case in cases for view in range(views)]
    made = tuple(example for example in found if not by_order or len(set(example.relevance)) > 1)
    if not made:
        raise RunConfigError(
            f"none of {len(cases)} labelled cases has both liked and disliked items among its own and those of its "
            "history, so there is nothing to learn from; give more cases, or histories with what was disliked"
        )
    left = len(found) - len(made)
    notes = (f"{left} of {len(found)} lists left out: their items are all liked, or all disliked.",) if left else ()
    return Examples(examples=made, notes=notes)


def drawn(cases: Sequence[Case], seed: int) -> list[Case]:
    """The cases in an order that depends on the seed and their ids alone."""
    return sorted(cases, key=lambda case: Draw(seed=seed, purpose="labelled cases", key=case.case_id).words(1)[0])


def _example(case: Case, view: int, shown: ExampleSettings, seed: int) -> TuningExample:
    key, own = f"{case.case_id}|{view}", case.candidates[0]
    past = Draw(seed=seed, purpose="held out of a labelled history", key=key).shuffled(
        [one for one in case.history if one.item.item_id != own.item_id]
    )
    once = list({one.item.item_id: one for one in past}.values())
    held = once[:-1][:HELD_OUT]
    asked = [_Asked(item=own, liked=bool(case.label)), *(_Asked(item=one.item, liked=one.liked) for one in held)]
    out = {one.item.item_id for one in asked}
    order = Draw(seed=seed, purpose="order of labelled candidates", key=key).shuffled(asked)
    return TuningExample(
        example_id=f"{case.case_id}:{view}",
        context=PromptContext(
            history=latest([one for one in case.history if one.item.item_id not in out], shown),
            candidates=tuple(one.item for one in order),
            lead_words=shown.lead_words,
        ),
        relevance=tuple(float(one.liked) for one in order),
    )
