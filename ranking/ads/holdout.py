"""Who is never shown ads, so that there is somebody to compare with."""

from __future__ import annotations

from ranking.ads.config import AdSettings
from ranking.draws import Draw


def is_held_out(settings: AdSettings, user_id: str) -> bool:
    """Whether a user belongs to the holdout: always the same answer for the same seed, share and id."""
    return Draw(seed=settings.seed, purpose="ads holdout", key=user_id).fraction() < settings.holdout
