"""A made-up day of advertising, drawn with a seed: who advertises what for how much, and when users come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from retrieval.campaigns import MICROS, SECONDS_A_DAY, Campaign
from retrieval.types import Interaction

QUARTERS = (1.0, 2.0, 3.0, 4.0)
"""How many requests come in each quarter of the day, against the others: few at night, most in the evening."""
MEDIAN_BID = 0.3
SPREAD_OF_BIDS = 0.75
"""Standard deviation of the bids' logarithm."""
FEWEST_BIDS, MOST_BIDS = 2, 20
"""Of a daily budget."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldOut:
    """Users' latest likes, taken out of what is known."""

    known: tuple[Interaction, ...]
    liked: Mapping[str, frozenset[str]]
    """By user id, the items that were held out."""


def hold_out(interactions: Sequence[Interaction], n: int) -> HeldOut:
    """Takes out the latest n likes, and all that came with or after them, of users with at least twice as many."""
    by_user: dict[str, list[Interaction]] = {}
    for one in sorted(interactions, key=lambda one: (one.timestamp, one.item_id)):
        by_user.setdefault(one.user_id, []).append(one)
    known: list[Interaction] = []
    liked = {}
    for user_id, past in by_user.items():
        likes = [one for one in past if one.liked]
        if len(likes) < 2 * n:
            known += past
            continue
        liked[user_id] = frozenset(one.item_id for one in likes[-n:])
        known += past[: past.index(likes[-n])]
    return HeldOut(known=tuple(known), liked=liked)


def draw_campaigns(item_ids: Sequence[str], n: int, seed: int) -> list[Campaign]:
    """So many campaigns for different items, whatever anybody likes: log-normal bids, budgets of 2 to 20 bids."""
    draw = np.random.default_rng([seed, 1])
    chosen = draw.choice(len(item_ids), size=n, replace=False)
    bids = np.maximum(1, MEDIAN_BID * MICROS * np.exp(SPREAD_OF_BIDS * draw.normal(size=n))).astype(int)
    budgets = bids * draw.integers(FEWEST_BIDS, MOST_BIDS + 1, size=n)
    return [
        Campaign(
            campaign_id=f"m{seed}-{at:04d}",
            item_id=item_ids[item],
            bid=int(bid),
            daily_budget=int(budget),
            currency="EUR",
        )
        for at, (item, bid, budget) in enumerate(zip(chosen, bids, budgets, strict=True))
    ]


def draw_times(n: int, seed: int) -> list[float]:
    """Seconds since midnight of so many requests, in no order."""
    draw = np.random.default_rng([seed, 2])
    weights = np.array(QUARTERS) / sum(QUARTERS)
    quarters = draw.choice(len(QUARTERS), size=n, p=weights)
    times: list[float] = ((quarters + draw.random(n)) * SECONDS_A_DAY / len(QUARTERS)).tolist()
    return times
