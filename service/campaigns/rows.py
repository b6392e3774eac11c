"""Campaigns from a CSV file: rows that cannot run are told with their line, the others are kept."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from retrieval.campaigns import Campaign, check_campaign
from retrieval.errors import InputError
from retrieval.importing.cleaning import RowError, clean_time
from retrieval.importing.tables import BadRow, CsvTable, Row
from retrieval.record import Record
from retrieval.record.types import Written
from service.api.bulk import CHUNK, BulkOut, Rejects
from service.campaigns.wire import CampaignRow

_TIMES = frozenset({"starts_at", "ends_at"})
_BETWEEN = ";"
"""Parts the conditions of a targeting."""


def import_campaigns(record: Record, path: Path) -> BulkOut:
    """Stores the campaigns of a file, a thousand at a time; those of the same id replace each other, the last stays.

    Its first line names the columns: those of CampaignRow, which may be left out where they have a default; an empty
    cell is one that was left out. Raises InputError where the file as a whole cannot be used.
    """
    rejects, written, read = Rejects(), Written(), 0
    rows = CsvTable(path=path, encoding="utf-8-sig", delimiter=",").rows()
    while chunk := list(itertools.islice(rows, CHUNK)):
        read += len(chunk)
        found = [(row.line, campaign) for row in chunk if (campaign := _read(row, rejects)) is not None]
        put = record.ads().campaigns.put(_of_known_items(record, found, rejects))
        written = Written(
            inserted=written.inserted + put.inserted,
            updated=written.updated + put.updated,
            unchanged=written.unchanged + put.unchanged,
        )
    return BulkOut(
        read=read,
        inserted=written.inserted,
        updated=written.updated,
        unchanged=written.unchanged,
        repeated=read - rejects.count - written.inserted - written.updated - written.unchanged,
        rejected=rejects.count,
        rejects=sorted(rejects.told, key=lambda reject: reject.line),
    )


def _read(row: Row | BadRow, rejects: Rejects) -> Campaign | None:
    if isinstance(row, BadRow):
        rejects.add(row.line, row.reason)
        return None
    _check_columns(row.values)
    try:
        told = CampaignRow.model_validate(dict(_cells(row.values)))
        campaign = told.campaign(told.campaign_id)
        check_campaign(campaign)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        rejects.add(row.line, f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
    except (InputError, RowError) as error:
        rejects.add(row.line, str(error))
    else:
        return campaign
    return None


def _cells(values: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for name, value in values.items():
        text = str(value).strip()
        if not text:
            continue
        if name == "targeting":
            yield name, [part.strip() for part in text.split(_BETWEEN) if part.strip()]
        else:
            yield name, clean_time(text, name) if name in _TIMES else text


def _check_columns(values: Mapping[str, object]) -> None:
    if unknown := sorted(values.keys() - CampaignRow.model_fields.keys()):
        known = ", ".join(CampaignRow.model_fields)
        raise InputError(f"campaigns have no column {unknown[0]!r}; there are: {known}")
    needed = {name for name, field in CampaignRow.model_fields.items() if field.is_required()}
    if missing := sorted(needed - values.keys()):
        raise InputError(f"the file has no column {missing[0]!r}, which every campaign needs")


def _of_known_items(record: Record, found: Sequence[tuple[int, Campaign]], rejects: Rejects) -> list[Campaign]:
    known = record.items(campaign.item_id for _, campaign in found)
    for line, campaign in found:
        if campaign.item_id not in known:
            rejects.add(line, f"campaign {campaign.campaign_id!r}: no item {campaign.item_id!r} in the store")
    return [campaign for _, campaign in found if campaign.item_id in known]
