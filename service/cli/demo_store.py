"""What every demo needs: a record of its own, and samples in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ranking.settings import Settings
    from retrieval.sample.days import Sample

SHOWN = 10
LIKED_SHOWN = 8
DEMO_USER = "viewer-001"


def demo_settings(settings: Settings) -> Settings:
    """The user's settings, but with a record and an index of the demo's own: their data is never touched."""
    from retrieval.config import IndexSettings

    return settings.model_copy(update={"home": settings.home / "demo", "record_url": None, "index": IndexSettings()})


def import_sample(settings: Settings) -> None:
    """The films and books into the demo's own record; a second time it changes nothing."""
    from retrieval.sample.catalogue import sample_interactions, sample_items, sample_users
    from retrieval.sample.days import Sample

    import_into(settings, Sample(items=sample_items(), users=sample_users(), interactions=sample_interactions()))


def import_into(settings: Settings, sample: Sample) -> None:
    """The same for any sample."""
    from retrieval.record import Record

    record = Record.open(str(settings.home / "record.db"))
    try:
        record.put_items(sample.items)
        record.put_users(sample.users)
        record.put_interactions(sample.interactions)
    finally:
        record.close()
