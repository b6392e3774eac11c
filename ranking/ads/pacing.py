"""Spreading a day's budget over the day. Pure."""

from __future__ import annotations

from retrieval.campaigns import SECONDS_A_DAY

AHEAD_S = 3600.0
"""What was spent too fast or too slowly is to be made up for within so much time."""


def pass_rate(spent: int, budget: int, now: float) -> float:
    """The share of auctions in which a campaign should take part at a time (Unix seconds), in [0, 1].

    With F the share of the day (UTC) that has passed: (F(now + 1 h) - spent / budget) / (F(now + 1 h) - F(now)), cut to
    [0, 1]. On the line it is 1; an hour's worth ahead of it, 0. Nothing is remembered between calls, so that a clock
    that goes back only finds the campaign further ahead of its line, and holds it back.
    """
    passed = (now % SECONDS_A_DAY) / SECONDS_A_DAY
    soon = min(1.0, passed + AHEAD_S / SECONDS_A_DAY)
    if soon <= passed:  # the last moment of the day, by rounding
        return float(spent < budget)
    return min(1.0, max(0.0, (soon - spent / budget) / (soon - passed)))
