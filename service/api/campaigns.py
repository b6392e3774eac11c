"""Campaigns: what somebody pays for to be shown."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi import Path as PathParameter

from retrieval.record.ads.campaigns import Campaigns
from retrieval.store import Store
from service.api.bulk import BulkOut
from service.api.dependencies import StoreNow
from service.api.fields import Cursor, Id, Limit, cursor_after, key_of
from service.api.problems import problems
from service.campaigns.rows import import_campaigns
from service.campaigns.wire import CampaignIn, CampaignOut
from service.wire import Wire

router = APIRouter(prefix="/v1/campaigns", tags=["campaigns"])

CampaignId = Annotated[Id, PathParameter(description="Id of a campaign.")]
_CSV: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A CSV file whose first line names the columns.",
        "content": {"text/csv": {"schema": {"type": "string"}}},
    }
}


class CampaignsOut(Wire):
    """A page of campaigns, by id."""

    campaigns: list[CampaignOut]
    cursor: str | None
    """Names the next page; null on the last."""


@router.get("", responses=problems(400, 422))
async def list_campaigns(store: StoreNow, limit: Limit = 100, cursor: Cursor = None) -> CampaignsOut:
    """All campaigns, a page at a time; paused ones too."""
    page = await asyncio.to_thread(_of(store).page, key_of(cursor), limit + 1)
    more = len(page) > limit
    return CampaignsOut(
        campaigns=[CampaignOut.of(campaign) for campaign in page[:limit]],
        cursor=cursor_after(page[limit - 1].campaign_id) if more else None,
    )


@router.post("/bulk", responses=problems(400, 413), openapi_extra=_CSV)
async def put_campaigns(request: Request, store: StoreNow) -> BulkOut:
    """Creates or replaces the campaigns of a CSV file; rows that cannot run are told with their line."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "campaigns.csv"
        with path.open("wb") as file:
            async for part in request.stream():
                file.write(part)
        return await asyncio.to_thread(import_campaigns, store.record, path)


@router.get("/{campaign_id}", responses=problems(404, 422))
async def get_campaign(campaign_id: CampaignId, store: StoreNow) -> CampaignOut:
    """One campaign."""
    return CampaignOut.of(await asyncio.to_thread(_of(store).get, campaign_id))


@router.put(
    "/{campaign_id}",
    responses={**problems(400, 404, 413, 422), 201: {"model": CampaignOut, "description": "It is new."}},
)
async def put_campaign(campaign_id: CampaignId, body: CampaignIn, response: Response, store: StoreNow) -> CampaignOut:
    """Creates the campaign (201) or replaces it (200); the next list knows it. What it spent stays on record."""
    campaign = body.campaign(campaign_id)
    written = await asyncio.to_thread(_of(store).put, (campaign,))
    response.status_code = 201 if written.inserted else 200
    return CampaignOut.of(campaign)


@router.delete("/{campaign_id}", status_code=204, responses=problems(404, 422))
async def delete_campaign(campaign_id: CampaignId, store: StoreNow) -> None:
    """Ends a campaign for good. What it spent stays on record."""
    await asyncio.to_thread(_of(store).delete, campaign_id)


def _of(store: Store) -> Campaigns:
    return store.record.ads().campaigns
