"""The simulation: its market, its measures by hand, and the whole of it on the bundled sample."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from evaluation.ads.command import Plan, run
from evaluation.ads.market import FEWEST_BIDS, MOST_BIDS, draw_campaigns, draw_times, hold_out
from evaluation.ads.simulation import Told, ndcg, page_of
from evaluation.ads.table import COLUMNS, table_of
from ranking.ads.types import Sponsored
from retrieval.campaigns import SECONDS_A_DAY, check_campaign
from retrieval.types import Interaction, Item
from tests.fakes import HashingEmbedder
from tests.service.answers import full_answer

ITEMS = [f"i{n:03d}" for n in range(200)]


def test_a_users_latest_likes_and_what_came_with_them_are_held_out() -> None:
    def took(user_id: str, at: int, liked: bool = True) -> Interaction:
        return Interaction(user_id=user_id, item_id=f"i{at}", timestamp=float(at), liked=liked)

    ann = [took("ann", at, liked=at != 4) for at in (0, 1, 2, 3, 4, 5)]
    few = [took("few", at) for at in (0, 1, 2)]
    held = hold_out([*reversed(ann), *few], 2)
    assert held.liked == {"ann": frozenset({"i3", "i5"})}
    assert {(one.user_id, one.item_id) for one in held.known} == {
        *((one.user_id, one.item_id) for one in [*ann[:3], *few])
    }


def test_a_market_is_that_of_its_seed_and_can_run() -> None:
    drawn = draw_campaigns(ITEMS, 50, 3)
    assert drawn == draw_campaigns(ITEMS, 50, 3) != draw_campaigns(ITEMS, 50, 4)
    assert len({one.item_id for one in drawn}) == 50
    for one in drawn:
        check_campaign(one)
        assert FEWEST_BIDS <= one.daily_budget / one.bid <= MOST_BIDS
    times = draw_times(4000, 3)
    assert times == draw_times(4000, 3)
    assert 0 <= min(times) <= max(times) < SECONDS_A_DAY
    by_quarter = np.bincount([int(time // (SECONDS_A_DAY / 4)) for time in times]) / 4000
    assert by_quarter == pytest.approx([0.1, 0.2, 0.3, 0.4], abs=0.03)


def test_ndcg_by_hand() -> None:
    assert ndcg(["a", "b"], frozenset({"a"})) == 1
    assert ndcg(["b", "a"], frozenset({"a"})) == pytest.approx(1 / np.log2(3))
    assert ndcg(["x", "a", "y", "b"], frozenset({"a", "b"})) == pytest.approx(
        (1 / np.log2(3) + 1 / np.log2(5)) / (1 + 1 / np.log2(3))
    )
    assert ndcg([*("x" * 10), "a"], frozenset({"a"})) == 0


def test_what_is_paid_for_stands_at_its_slots() -> None:
    answer = full_answer()
    paid = Sponsored(
        item=Item(item_id="p", title="P"),
        slot=1,
        campaign_id="c",
        creative=None,
        probability=0.1,
        price=1,
        currency="EUR",
        reason="Paid for.",
    )
    assert page_of(replace(answer, sponsored=(paid, replace(paid, slot=9)))) == ["p", "a", "p"]


def test_the_table_tells_the_loss_against_lists_without_ads() -> None:
    without = np.array([0.5, 0.3, 0.2, 0.0])
    told = Told(
        name="auction",
        pays="click",
        ndcg=without - 0.1,
        sold=np.ones(4),
        clicks=np.zeros(4),
        revenue=np.array([0.0, 0.2, 0.0, 0.2]),
        spent_share=0.25,
        gone_by_evening=0.5,
        by_quarter=(0.1, 0.2, 0.3, 0.4),
    )
    lines = table_of(without, [told], seed=0).splitlines()
    assert len(lines) == 4
    assert all(line.count("|") == len(COLUMNS) + 1 for line in lines)
    assert "| 10.00 (10.00 to 10.00) |" in lines[3]
    assert "| 100.0 (" in lines[3]
    assert lines[3].endswith("| 25% | 50% | 10% / 20% / 30% / 40% |")


def test_the_sample_goes_through_every_way() -> None:
    plan = Plan(data="sample", data_dir=None, held_out=8, markets=1, campaigns=40, seed=1)
    told = run(plan, Console(quiet=True), HashingEmbedder())
    assert told.startswith("sample: n = 38 users, 8 held-out likes each; 1 days with 40 campaigns each, seed 1")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in told.splitlines()[4:]]
    assert [row[:2] for row in rows] == [
        ["without ads", "–"],
        ["auction", "click"],
        ["auction, no floor", "click"],
        ["bid alone", "click"],
        ["auction", "impression"],
        ["auction, no pacing", "impression"],
        ["bid alone", "impression"],
    ]
    revenue = [float(re.match(r"[\d.]+", row[6])[0]) for row in rows[4:]]  # type: ignore[index]
    assert min(revenue) > 0
    assert revenue[2] > revenue[0], "whoever pays for being shown pays most where nothing but the bid counts"
