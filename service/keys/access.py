"""Who may talk to a service that listens on a given address."""

from __future__ import annotations

import ipaddress
import time
from dataclasses import dataclass
from pathlib import Path

from ranking.access_settings import AccessSettings
from ranking.errors import ConfigError
from service.keys.ring import KeyRing

ANY_HOST = "*"
_EVERYWHERE = {"", "0.0.0.0", "::"}  # noqa: S104 - compared with, not listened on


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """What the service asks of a request before anything of it is read."""

    keys: KeyRing | None
    """None where no key is asked for."""
    hosts: frozenset[str]
    """In lower case, without ports; `ANY_HOST` allows all."""
    settings: AccessSettings


def access_for(home: Path, settings: AccessSettings, host: str) -> Access:
    """The access of a service that listens on `host`.

    Raises ConfigError where it needs keys and none is valid: elsewhere than on loopback, or where the settings say so.
    """
    ring = KeyRing(home)
    alone = _is_loopback(host)
    wanted = settings.keys_on_loopback or not alone
    if wanted and not any(key.state(time.time()) == "valid" for key in ring.all()):
        why = "access.keys_on_loopback is set" if alone else f"others can reach {host or 'every address'}"
        raise ConfigError(f"{why}, so a key is needed and there is none: fewrec keys create NAME --scope read")
    names = {name.lower().strip("[]") for name in settings.hosts}
    return Access(
        keys=ring if wanted else None,
        hosts=frozenset(names if host in _EVERYWHERE else {*names, host.lower()}),
        settings=settings,
    )


def _is_loopback(host: str) -> bool:
    """False for names other than localhost: where they lead may change."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
