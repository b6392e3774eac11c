"""Sells the paid places beside a list: who runs, who fits, who wins, and what is due, in one place."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

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
from ranking.calibration.file import Calibration
from ranking.draws import Draw
from ranking.types import Recommendation, Stage
from retrieval.board import CampaignBoard, Posted
from retrieval.campaigns import Campaign
from retrieval.matching import may_be_shown
from retrieval.protocol import Vectors
from retrieval.record.ads.types import AdShow, Offer
from retrieval.store import Store
from retrieval.types import Evidence, Retrieved

SPARE = 2
"""Bidders who stand ready where a claim is refused: a budget that was there when it was looked at may be gone."""
_AT_ONCE = 16
_HELD_OUT = "No paid entries: this user is among those who are never shown any, to measure what they do."
_NOT_FITTED = "No paid entries: no probabilities are fitted for these settings. Run fewrec calibrate."
_UNLIKE = "No paid entries: probabilities are told for users with a history, without a query in words."
_NO_INDEX = "No paid entries: without the index there is nothing to tell probabilities from."
_IN_TRIAL = "No paid entries: the list is part of an experiment."
_NOBODY = "No paid entries: no campaign runs now, fits this user, has budget left and is likely enough to be taken."


async def with_ads(auctioneer: Auctioneer | None, answer: Recommendation) -> Recommendation:
    """The answer with what is shown for money beside it, charged for; as it is where nothing is sold.

    `auctioneer` is the Recommender's. For doors that show paid entries: whoever does not must not ask for them, since
    somebody pays.
    """
    return answer if auctioneer is None else await asyncio.to_thread(auctioneer.sell, answer)


class _Entrant(NamedTuple):
    """A campaign that runs for this user, with the chance that they take its item."""

    campaign: Campaign
    probability: float


@dataclass(frozen=True, kw_only=True, slots=True)
class _Occasion:
    """One list, and what there is to sell beside it."""

    answer: Recommendation
    retrieved: Retrieved
    evidence: Evidence
    posted: Posted
    chances: Chances

    @property
    def user_id(self) -> str | None:
        """None for a stranger."""
        return None if self.answer.user is None else self.answer.user.user_id

    @property
    def now(self) -> float:
        """The time of the request."""
        return self.retrieved.as_of


class Auctioneer:
    """Holds one auction for each list. Thread-safe; holds nothing of a request."""

    def __init__(
        self,
        settings: AdSettings,
        *,
        store: Store,
        calibration: Calibration | None,
        chances: Chances | None,
        rules: Sequence[Rule] = (),
    ) -> None:
        """Without `chances`, by the calibration's curve for the signals, nothing is sold. Rules that block bar ads."""
        self._settings = settings
        self._charges = store.record.ads().charges
        self._feedback = store.record.feedback()
        self._calibration, self._chances = calibration, chances
        self._board = CampaignBoard(store, settings.currency)
        self._blocks = [selector(rule) for rule in rules if isinstance(rule, Block)]

    def sell(self, answer: Recommendation) -> Recommendation:
        """The answer with the paid entries that won, charged and counted in one transaction; its items stay.

        The time is that of the request. Asked again for the same answer, it charges nothing and shows the same.
        """
        start, sale = time.perf_counter(), self._occasion(answer)
        if isinstance(sale, str):
            return replace(answer, notes=(*answer.notes, sale))
        entries = tuple(self._entries(self._book(self._offers(sale), sale), sale))
        stage = Stage(name="ads", seconds=time.perf_counter() - start)
        notes = (*answer.notes, *self._notes(sale.posted, entries))
        return replace(answer, sponsored=entries, stages=(*answer.stages, stage), notes=notes)

    def likely(self, answer: Recommendation) -> Mapping[str, float]:
        """The campaigns that run now, fit the user and pass floor and reserve, with their items' probabilities, by id.

        Nothing is booked, and budgets, caps and what the user had are not looked at. Empty where nothing is sold.
        """
        sale = self._occasion(answer)
        entrants = () if isinstance(sale, str) else self._entrants(sale)
        return {one.campaign.campaign_id: one.probability for one in entrants}

    def _occasion(self, answer: Recommendation) -> _Occasion | str:
        """What there is to sell beside the list, or a note that says why nothing is."""
        retrieved = answer.retrieved
        evidence = None if retrieved is None else retrieved.evidence
        why = self._why_none(answer)
        if why is not None or retrieved is None or evidence is None or self._chances is None:
            return why or _NO_INDEX
        return _Occasion(
            answer=answer,
            retrieved=retrieved,
            evidence=evidence,
            posted=self._board.now(evidence),
            chances=self._chances,
        )

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

    def _offers(self, sale: _Occasion) -> list[Offer]:
        """Of the best that may be shown and can pay: one for each place, and spare ones."""
        n = len(self._settings.places) + SPARE
        bidders = list(itertools.islice(self._bidders(sale, self._entrants(sale)), n + 1))
        return offers_of(bidders, n, self._settings.reserve_micros)

    def _entrants(self, sale: _Occasion) -> Iterator[_Entrant]:
        """Campaigns that run now, fit the user and pass floor and reserve, highest chance x bid first, ties by id."""
        board, user = sale.posted.board, sale.answer.user
        running = board.running({} if user is None else user.attributes, sale.now)
        running &= board.bids >= self._settings.reserve_micros
        least = self._settings.floor * sale.chances.fitted.base_rate
        wanted = np.zeros(len(board.item_places), dtype=np.bool_)
        wanted[board.item_of[running]] = True
        by_item = sale.chances.of(sale.retrieved, sale.evidence, sale.posted.items, wanted=wanted, least=least)
        likely = by_item[board.item_of]
        rows = np.flatnonzero(running & (likely > 0) & (likely >= least))
        for row in rows[np.argsort(-likely[rows] * board.bids[rows], kind="stable")]:
            yield _Entrant(board.campaigns[row], float(likely[row]))

    def _bidders(self, sale: _Occasion, entrants: Iterator[_Entrant]) -> Iterator[Bidder]:
        user_id, barred = sale.user_id, self._barred(sale)
        # Looked at one by one, best first: of thousands only the first few are asked for more.
        shown = (one for one in entrants if self._may_show(one.campaign.item_id, barred, sale))
        while part := list(itertools.islice(shown, _AT_ONCE)):
            today = self._charges.today([one.campaign.campaign_id for one in part], user_id, sale.now)
            for campaign, probability in part:
                cap, so_far = campaign.cap_per_day, today.spent.get(campaign.campaign_id, 0)
                if cap is not None and (user_id is None or today.shown.get(campaign.campaign_id, 0) >= cap):
                    continue
                if so_far + campaign.bid <= campaign.daily_budget and self._in_pace(campaign, so_far, sale):
                    yield Bidder(
                        campaign_id=campaign.campaign_id,
                        item_id=campaign.item_id,
                        probability=probability,
                        bid=campaign.bid,
                    )

    def _barred(self, sale: _Occasion) -> frozenset[str]:
        """What the user had, does not want, or is shown unpaid in this very list."""
        had = {past.item.item_id for past in sale.retrieved.history}
        listed = {ranked.item.item_id for ranked in sale.answer.items}
        user_id = sale.user_id
        dismissed = frozenset[str]() if user_id is None else self._feedback.dismissed(user_id, sale.now)
        return dismissed | had | listed | sale.retrieved.query.exclude

    def _may_show(self, item_id: str, barred: frozenset[str], sale: _Occasion) -> bool:
        item = sale.evidence.items.get(item_id)
        if item is None or item_id in barred or not may_be_shown(item, sale.retrieved.query, sale.now):
            return False
        return not any(means(item) for means in self._blocks)

    def _in_pace(self, campaign: Campaign, spent: int, sale: _Occasion) -> bool:
        if self._settings.pacing == "asap":
            return True
        rate = pass_rate(spent, campaign.daily_budget, sale.now)
        key = f"{sale.answer.request_id}|{campaign.campaign_id}"
        return rate >= 1 or Draw(seed=self._settings.seed, purpose="ads pacing", key=key).fraction() < rate

    def _book(self, offers: Sequence[Offer], sale: _Occasion) -> Sequence[AdShow]:
        if not offers:
            return ()
        return self._charges.book(
            sale.answer.request_id,
            sale.user_id,
            offers,
            places=self._settings.places,
            pays=self._settings.pays,
            now=sale.now,
        )

    def _entries(self, shows: Sequence[AdShow], sale: _Occasion) -> Iterator[Sponsored]:
        board = sale.posted.board
        for show in shows:
            campaign, item = board.by_id.get(show.campaign_id), sale.evidence.items.get(show.item_id)
            if campaign is None or item is None:  # gone since; what was booked stays booked
                continue
            vector = sale.posted.items.vectors[board.item_places[show.item_id]]
            yield Sponsored(
                item=item,
                slot=show.place,
                campaign_id=show.campaign_id,
                creative=campaign.creative,
                probability=show.probability,
                price=show.price,
                currency=campaign.currency,
                reason=_reason(vector, sale.retrieved, sale.evidence),
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
