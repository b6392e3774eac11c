"""Days of advertising in front of held-out users: the served auction against lists without ads and by bid alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from evaluation.ads.market import draw_campaigns, draw_times
from evaluation.metrics.types import Values
from ranking.ads.auctioneer import Auctioneer
from ranking.ads.chances import Chances
from ranking.ads.config import AdSettings
from ranking.calibration.curves import Isotonic
from ranking.calibration.file import Calibration
from ranking.settings import FusionWeights
from ranking.types import Recommendation
from retrieval.campaigns import SECONDS_A_DAY, Campaign
from retrieval.retriever import Retriever
from retrieval.store import Store

CUT = 10
EVENING_S = 18 * 3600.0
_ANY_SCORE = 1e9


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """How places are sold."""

    name: str
    settings: AdSettings
    by_bid_alone: bool = False
    """Takes every item for equally likely to be taken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Visitor:
    """A held-out user with the list that they are given."""

    answer: Recommendation
    liked: frozenset[str]
    """What they will like next."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What came of one way. Arrays of shape (n_visitors,): means over the days, in the order of the visitors."""

    name: str
    pays: str
    ndcg: Values
    """Of the page, at 10."""
    sold: Values
    """Places per list."""
    clicks: Values
    revenue: Values
    """Units of the currency per list."""
    spent_share: float
    """Of all budgets of all days."""
    gone_by_evening: float
    """Share of the campaigns that could not pay another bid at 18:00, of those that could not at midnight."""
    by_quarter: tuple[float, ...]
    """Share of the charges in each quarter of the day."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ground:
    """What all ways have in common."""

    store: Store
    retriever: Retriever
    calibration: Calibration
    weights: FusionWeights
    visitors: tuple[Visitor, ...]
    midnight: float
    """Unix seconds of the first simulated day."""


@dataclass(kw_only=True, slots=True)
class _Day:
    """What one way did on one day."""

    rows: dict[int, tuple[float, int, int, int]]
    """By visitor: NDCG, places sold, clicks, micro-units."""
    charges: list[tuple[str, float, int]]
    """Campaign, seconds since midnight, micro-units."""


def simulate(ground: Ground, ways: Sequence[Way], *, markets: int, n_campaigns: int, seed: int) -> Iterator[Told]:
    """Every way on the same days, one after the other; a day is a market of its own, on which each visitor comes once.

    A visitor clicks on a paid entry if its item is among what they will like next.
    """
    for at, way in enumerate(ways):
        days, campaigns = [], []
        for market in range(markets):
            drawn = draw_campaigns(sorted(ground.retriever.items()), n_campaigns, seed + market)
            _post(ground.store, drawn)
            # Budgets are counted by day, so no two ways share one.
            midnight = ground.midnight + (market * len(ways) + at) * SECONDS_A_DAY
            days.append(_day(ground, way, midnight, seed + market))
            campaigns.append(drawn)
        yield _told(way, days, campaigns, len(ground.visitors))


def ndcg(shown: Sequence[str], liked: frozenset[str], cut: int = CUT) -> float:
    """Binary gains, discounts 1 / log2(rank + 1), over the best possible page (Järvelin and Kekäläinen, 2002)."""
    gains = [1 / math.log2(rank + 1) for rank in range(1, cut + 1)]
    gained = sum(gain for gain, item_id in zip(gains, shown, strict=False) if item_id in liked)
    return gained / sum(gains[: len(liked)])


def page_of(answer: Recommendation) -> list[str]:
    """Item ids as they stand on the page, with what is paid for at its slots."""
    page = [ranked.item.item_id for ranked in answer.items]
    for entry in answer.sponsored:
        page.insert(entry.slot - 1, entry.item.item_id)
    return page


def _post(store: Store, campaigns: Sequence[Campaign]) -> None:
    board = store.record.ads().campaigns
    for old in board.all():
        board.delete(old.campaign_id)
    board.put(campaigns)


def _auctioneer(ground: Ground, way: Way) -> Auctioneer:
    fitted = ground.calibration.signals
    assert fitted is not None  # noqa: S101 - a calibration of the signals was asked for
    if way.by_bid_alone:
        flat = Isotonic(scores=(-_ANY_SCORE, _ANY_SCORE), probabilities=(fitted.base_rate,) * 2)
        fitted = fitted.model_copy(update={"curve": flat})
    return Auctioneer(
        way.settings,
        store=ground.store,
        calibration=ground.calibration,
        chances=Chances(weights=ground.weights, unseen="least", fitted=fitted),
    )


def _day(ground: Ground, way: Way, midnight: float, seed: int) -> _Day:
    auctioneer, charges = _auctioneer(ground, way), ground.store.record.ads().charges
    day = _Day(rows={}, charges=[])
    times = draw_times(len(ground.visitors), seed)
    for at in sorted(range(len(times)), key=times.__getitem__):
        visitor, now = ground.visitors[at], midnight + times[at]
        assert visitor.answer.retrieved is not None  # noqa: S101 - as retrieved
        retrieved = replace(visitor.answer.retrieved, as_of=now)
        request_id = f"{way.name}-{way.settings.pays}-{midnight:.0f}-{at}"
        answer = auctioneer.sell(replace(visitor.answer, request_id=request_id, retrieved=retrieved))
        clicked = [entry.item.item_id for entry in answer.sponsored if entry.item.item_id in visitor.liked]
        for item_id in clicked:
            charges.click(request_id, item_id, now=now)
        shows = charges.of_request(request_id) if answer.sponsored else ()
        paid = sum(show.charged for show in shows)
        day.charges += [(show.campaign_id, times[at], show.charged) for show in shows if show.charged]
        day.rows[at] = (ndcg(page_of(answer), visitor.liked), len(answer.sponsored), len(clicked), paid)
    return day


def _told(way: Way, days: Sequence[_Day], markets: Sequence[Sequence[Campaign]], n_visitors: int) -> Told:
    table = np.mean([[day.rows[at] for at in range(n_visitors)] for day in days], axis=0)
    spent = sum(charged for day in days for *_, charged in day.charges)
    budget = sum(campaign.daily_budget for market in markets for campaign in market)
    gone = [_gone(day, market) for day, market in zip(days, markets, strict=True)]
    quarter = SECONDS_A_DAY / 4
    by_quarter = [
        sum(charged for day in days for _, time, charged in day.charges if time // quarter == place)
        for place in range(4)
    ]
    midnight = sum(late for _, late in gone)
    return Told(
        name=way.name,
        pays=way.settings.pays,
        ndcg=table[:, 0],
        sold=table[:, 1],
        clicks=table[:, 2],
        revenue=table[:, 3] / 1e6,
        spent_share=spent / budget,
        gone_by_evening=sum(early for early, _ in gone) / midnight if midnight else 0.0,
        by_quarter=tuple(part / spent if spent else 0.0 for part in by_quarter),
    )


def _gone(day: _Day, market: Sequence[Campaign]) -> tuple[int, int]:
    """How many campaigns could not pay another bid at 18:00, and at midnight."""
    return _out(day, market, EVENING_S), _out(day, market, SECONDS_A_DAY)


def _out(day: _Day, market: Sequence[Campaign], until: float) -> int:
    spent: Mapping[str, int] = {
        one.campaign_id: sum(
            charged for campaign_id, time, charged in day.charges if campaign_id == one.campaign_id and time < until
        )
        for one in market
    }
    return sum(spent[one.campaign_id] + one.bid > one.daily_budget for one in market)
