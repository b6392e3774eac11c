"""Tenants: each has a home folder of its own, and with it a record, an index, adapters and a Recommender.

Nothing of one is in a file, a table or an index of another, so no query has to leave others out, and none can
forget to.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from ranking.errors import ConfigError
from service.keys.key import is_tenant_name
from service.serving import Serving, open_serving

if TYPE_CHECKING:
    from ranking.settings import Settings

TENANTS = "tenants"


def tenant_home(home: Path, name: str) -> Path:
    """Where the tenant's data is. Raises ConfigError for a name that is not plain."""
    if not is_tenant_name(name):
        raise ConfigError(f"{name!r} names no tenant: lower-case letters, digits and dashes, at most 63")
    return home / TENANTS / name


def open_tenant(settings: Settings, name: str) -> AbstractContextManager[Serving]:
    """What the tenant is served: the same settings over its own home folder, which is made where there is none.

    Raises ConfigError where the settings name a record or an index at a server: all tenants would share it.
    """
    if settings.record_url is not None or settings.index.url is not None:
        raise ConfigError("tenants have records and indexes of their own: leave record_url and index.url out")
    home = tenant_home(settings.home, name)
    return open_serving(settings.model_copy(update={"home": home, "runs": home / "runs"}))
