"""Settings of who may talk to the service, and how much."""

from __future__ import annotations

from pydantic import Field

from retrieval.config import Section


class AccessSettings(Section):
    """The door. Where the service listens on loopback only, it asks for no key unless it is told to."""

    keys_on_loopback: bool = False
    """Ask for a key on loopback too; behind a proxy on the same machine everybody comes over loopback."""
    hosts: tuple[str, ...] = ("localhost", "127.0.0.1", "::1")
    """Names under which the service may be called (header Host, without the port), beside the address that it listens
    on; "*" allows any."""
    origins: tuple[str, ...] = ()
    """Other web pages that may call it from a browser, such as https://shop.example; its own page always may."""
    requests_per_minute: int = Field(default=600, ge=1, le=1_000_000)
    """Of one key, unless the key has a number of its own."""
    keyless_requests_per_minute: int | None = Field(default=None, ge=1, le=1_000_000)
    """Of one client address where no key is asked for; None is without limit."""
