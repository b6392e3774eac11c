"""The record's side of showing things for money."""

from __future__ import annotations

from retrieval.record.ads.campaigns import Campaigns
from retrieval.record.ads.charges import Charges
from retrieval.record.ads.report import AdReport
from retrieval.record.database import Database


class AdRecord:
    """Campaigns, what is charged to them, and what came of it."""

    def __init__(self, database: Database) -> None:
        self.campaigns = Campaigns(database)
        self.charges = Charges(database)
        self.report = AdReport(database)
