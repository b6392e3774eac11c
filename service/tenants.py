"""Tenants: each has a home folder of its own, and with it a record, an index, adapters and a Recommender.

Nothing of one is in a file, a table or an index of another, so no query has to leave others out, and none can
forget to.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from ranking.errors import ConfigError
from retrieval.errors import one_line
from service.keys.key import is_tenant_name
from service.serving import Serving, open_serving

if TYPE_CHECKING:
    from ranking.settings import Settings

TENANTS = "tenants"
SETTINGS = "settings.yaml"
"""In a tenant's home, of what is its own: sections of `CHANGEABLE`, over the service's settings."""
TEMPLATES = "templates"
"""In a tenant's home, of the files that its `prompt.template` may name."""
CHANGEABLE = frozenset({"arrangement", "examples", "fusion", "prompt", "quota", "retrieval"})


def tenant_home(home: Path, name: str) -> Path:
    """Where the tenant's data is. Raises ConfigError for a name that is not plain."""
    if not is_tenant_name(name):
        raise ConfigError(f"{name!r} names no tenant: lower-case letters, digits and dashes, at most 63")
    return home / TENANTS / name


def list_tenants(home: Path) -> list[str]:
    """The tenants that have a home folder, by name."""
    folder = home / TENANTS
    found = [entry.name for entry in folder.iterdir() if entry.is_dir()] if folder.is_dir() else []
    return sorted(filter(is_tenant_name, found))


def tenant_settings(settings: Settings, name: str) -> Settings:
    """What the tenant is served by: the service's settings, over its own home folder, with its own file on top.

    Raises ConfigError naming the file and what is wrong with it, and where the settings name a record or an index at a
    server: all tenants would share it.
    """
    from ranking.settings import with_values

    if settings.record_url is not None or settings.index.url is not None:
        raise ConfigError("tenants have records and indexes of their own: leave record_url and index.url out")
    home = tenant_home(settings.home, name)
    own = settings.model_copy(update={"home": home, "runs": home / "runs"})
    values = _read(home / SETTINGS)
    found = with_values(own, values, f"tenant {name}, {home / SETTINGS}: ") if values else own
    template = found.prompt.template
    of_its_own = template != settings.prompt.template
    if not of_its_own or template is None or not template.endswith((".yaml", ".yml")):
        return found
    file = (home / TEMPLATES / template).resolve()
    if not file.is_relative_to((home / TEMPLATES).resolve()):
        raise ConfigError(f"tenant {name}: prompt.template {template!r} lies outside of {home / TEMPLATES}")
    return found.model_copy(update={"prompt": found.prompt.model_copy(update={"template": str(file)})})


def open_tenant(settings: Settings, name: str) -> AbstractContextManager[Serving]:
    """What the tenant is served; its home folder is made where there is none. Raises as `tenant_settings` does."""
    return open_serving(tenant_settings(settings, name))


def _read(file: Path) -> dict[str, object]:
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"cannot read the tenant's settings {file}: {one_line(error)}") from error
    if not isinstance(found, dict | None):
        raise ConfigError(f"the tenant's settings {file} must hold names and values, not a {type(found).__name__}")
    values = found or {}
    if barred := sorted(str(key) for key in set(values) - CHANGEABLE):
        allowed = ", ".join(sorted(CHANGEABLE))
        raise ConfigError(f"{file}: a tenant cannot change {barred[0]}, only {allowed}")
    return values
