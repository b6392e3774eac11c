"""Sells the paid places beside a list: who runs, who fits, who wins, and what is due, in one place."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ranking.ads.auction import Bidder, offers_of
from ranking.ads.chances import Chances
from ranking.ads.config import AdSettings
from ranking.ads.holdout import is_held_out
from ranking.ads.pacing import pass_rate
from ranking.ads.types import Sponsored
from ranking.arrangement.rules import Block, Rule
from ranking.arrangement.weighing import selector
from ranking.calibration.apply import is_like_validation
from ranking.calibration.curves import Numbers
from ranking.calibration.file import Calibration
from ranking.draws import Draw
from ranking.types import Recommendation, Stage
from retrieval.board import Board, CampaignBoard, Posted
from retrieval.campaigns import Campaign
from retrieval.matching import may_be_shown
from retrieval.protocol import Vectors
from retrieval.record.ads.types import AdShow, Offer
from retrieval.retriever import Retriever
from retrieval.store import Store
from retrieval.types import Evidence, Item, Retrieved

if TYPE_CHECKING:
    from ranking.recommender import Recommender

SPARE = 4
"""Bidders who stand ready where a claim is refused: a budget that was there when it was looked at may be gone."""
_AT_ONCE = 64
_HELD_OUT = "No paid entries: this user is among those who are never shown any, to measure what they do."
_NOT_FITTED = "No paid entries: no probabilities are fitted for these settings. Run fewrec calibrate."
_UNLIKE = "No paid entries: probabilities are told for users with a history, without a query in words."
_NO_INDEX = "No paid entries: without the index there is nothing to tell probabilities from."
_IN_TRIAL = "No paid entries: the list is part of an experiment."
_NOBODY = "No paid entries: no campaign runs now, fits this user, has budget left and is likely enough to be taken."


async def with_ads(recommender: Recommender, answer: Recommendation) -> Recommendation:
    """The answer with what is shown for money beside it, charged for; as it is where the settings sell nothing.

    For doors that show paid entries: whoever does not must not ask for them, since somebody pays.
    """
    auctioneer = recommender.auctioneer
    return answer if auctioneer is None else await asyncio.to_thread(auctioneer.sell, answer)


class _Entrant(NamedTuple):
    """A campaign that runs for this user, with the chance that they take its item."""

    campaign: Campaign
    probability: float


class Auctioneer:
    """Holds one auction for each list. Thread-safe; holds nothing of a request."""

    def __init__(
        self,
        settings: AdSettings,
        *,
        store: Store,
        retriever: Retriever,
        calibration: Calibration | None,
        chances: Chances | None,
        rules: Sequence[Rule] = (),
    ) -> None:
        """Without `chances`, by the calibration's curve for the signals, nothing is sold. Rules that block bar ads."""
        self._settings = settings
        self._charges = store.record.ads().charges
        self._feedback = store.record.feedback()
        self._retriever = retriever
        self._calibration, self._chances = calibration, chances
        self._board = CampaignBoard(store, settings.currency)
        self._blocks = [selector(rule) for rule in rules if isinstance(rule, Block)]

    def sell(self, answer: Recommendation) -> Recommendation:
        """The answer with the paid entries that won, charged and counted in one transaction; its items stay.

        The time is that of the request. Asked again for the same answer, it charges nothing and shows the same.
        """
        start, retrieved = time.perf_counter(), answer.retrieved
        evidence = None if retrieved is None else retrieved.evidence
        why = self._why_none(answer)
        if why is not None or retrieved is None or evidence is None or self._chances is None:
            return replace(answer, notes=(*answer.notes, why or _NO_INDEX))
        posted = self._board.now(evidence.places)
        chances = self._chances.of(retrieved, evidence, posted.items)[posted.board.item_of]
        entrants = self._entrants(posted.board, chances, retrieved)
        offers = self._offers(answer, retrieved, entrants)
        shows = self._book(answer, offers, retrieved) if offers else ()
        entries = tuple(self._entries(shows, posted, retrieved, evidence))
        stage = Stage(name="ads", seconds=time.perf_counter() - start)
        notes = (*answer.notes, *self._notes(posted, entries))
        return replace(answer, sponsored=entries, stages=(*answer.stages, stage), notes=notes)

    def _why_none(self, answer: Recommendation) -> str | None:
        if answer.experiment is not None:
            return _IN_TRIAL
        if answer.rung == "popular":
            return _NO_INDEX
        if self._calibration is None or self._chances is None:
            return _NOT_FITTED
        if not is_like_validation(answer, self._calibration):
            return _UNLIKE
        held_out = answer.user is not None and is_held_out(self._settings, answer.user.user_id)
        return _HELD_OUT if held_out else None

    def _entrants(self, board: Board, chances: Numbers, retrieved: Retrieved) -> Iterator[_Entrant]:
        """Campaigns that run now, fit the user and pass floor and reserve, highest chance x bid first, ties by id."""
        assert self._chances is not None  # noqa: S101 - the caller looked
        attributes = {} if retrieved.user is None else retrieved.user.attributes
        likely = (chances > 0) & (chances >= self._settings.floor * self._chances.fitted.base_rate)
        may = board.running(attributes, retrieved.as_of) & likely & (board.bids >= self._settings.reserve_micros)
        rows = np.flatnonzero(may)
        for row in rows[np.argsort(-chances[rows] * board.bids[rows], kind="stable")]:
            yield _Entrant(board.campaigns[row], float(chances[row]))

    def _offers(self, answer: Recommendation, retrieved: Retrieved, entrants: Iterator[_Entrant]) -> list[Offer]:
        """Of the best that may be shown and can pay: one for each place, and spare ones."""
        n = len(self._settings.places) + SPARE
        bidders = list(itertools.islice(self._bidders(answer, retrieved, entrants), n + 1))
        return offers_of(bidders, n, self._settings.reserve_micros)

    def _bidders(self, answer: Recommendation, retrieved: Retrieved, entrants: Iterator[_Entrant]) -> Iterator[Bidder]:
        user, now = answer.user, retrieved.as_of
        barred = self._barred(answer, retrieved)
        counts: Mapping[str, int] = {} if user is None else self._charges.shown_today(user.user_id, now)
        items = self._retriever.items()
        # Looked at one by one, best first: of thousands only the first few are asked for more.
        shown = (one for one in entrants if self._may_show(items.get(one.campaign.item_id), barred, retrieved))
        while part := list(itertools.islice(shown, _AT_ONCE)):
            spent = self._charges.spent_today([one.campaign.campaign_id for one in part], now)
            for campaign, probability in part:
                cap, so_far = campaign.cap_per_day, spent.get(campaign.campaign_id, 0)
                if cap is not None and (user is None or counts.get(campaign.campaign_id, 0) >= cap):
                    continue
                if so_far + campaign.bid <= campaign.daily_budget and self._in_pace(campaign, so_far, answer, now):
                    yield Bidder(
                        campaign_id=campaign.campaign_id,
                        item_id=campaign.item_id,
                        probability=probability,
                        bid=campaign.bid,
                    )

    def _barred(self, answer: Recommendation, retrieved: Retrieved) -> frozenset[str]:
        """What the user had, does not want, or is shown unpaid in this very list."""
        had = {past.item.item_id for past in retrieved.history}
        user, listed = answer.user, {ranked.item.item_id for ranked in answer.items}
        gone = frozenset[str]() if user is None else self._feedback.dismissed(user.user_id, retrieved.as_of)
        return gone | had | listed | retrieved.query.exclude

    def _may_show(self, item: Item | None, barred: frozenset[str], retrieved: Retrieved) -> bool:
        if item is None or item.item_id in barred or not may_be_shown(item, retrieved.query, retrieved.as_of):
            return False
        return not any(means(item) for means in self._blocks)

    def _in_pace(self, campaign: Campaign, spent: int, answer: Recommendation, now: float) -> bool:
        rate = pass_rate(spent, campaign.daily_budget, now)
        key = f"{answer.request_id}|{campaign.campaign_id}"
        return rate >= 1 or Draw(seed=self._settings.seed, purpose="ads pacing", key=key).fraction() < rate

    def _book(self, answer: Recommendation, offers: Sequence[Offer], retrieved: Retrieved) -> Sequence[AdShow]:
        return self._charges.book(
            answer.request_id,
            None if answer.user is None else answer.user.user_id,
            offers,
            places=self._settings.places,
            pays=self._settings.pays,
            now=retrieved.as_of,
        )

    def _entries(
        self, shows: Sequence[AdShow], posted: Posted, retrieved: Retrieved, evidence: Evidence
    ) -> Iterator[Sponsored]:
        items = self._retriever.items()
        for show in shows:
            campaign = posted.board.by_id.get(show.campaign_id)
            item = items.get(show.item_id)
            if campaign is None or item is None:  # gone since; what was booked stays booked
                continue
            vector = posted.items.vectors[posted.board.item_places[show.item_id]]
            yield Sponsored(
                item=item,
                slot=show.place,
                campaign_id=show.campaign_id,
                creative=campaign.creative,
                probability=show.probability,
                price=show.price,
                currency=campaign.currency,
                reason=_reason(vector, retrieved, evidence),
            )

    def _notes(self, posted: Posted, entries: Sequence[Sponsored]) -> Iterator[str]:
        if posted.n_other:
            yield f"{posted.n_other} campaigns take no part: only those in {self._settings.currency} do."
        if not entries:
            yield _NOBODY


def _reason(vector: Vectors, retrieved: Retrieved, evidence: Evidence) -> str:
    """That it is paid for, and the liked item that it is nearest to."""
    titles = {past.item.item_id: past.item.title for past in retrieved.history}
    near = max(((float(vector @ one), item_id) for item_id, one in evidence.liked.items()), default=None)
    if near is None or near[0] <= 0:
        return "Paid for by an advertiser."
    return f"Paid for by an advertiser; shown because you liked {titles[near[1]]}."
