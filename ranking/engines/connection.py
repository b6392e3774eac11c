"""Settings of an engine that is reached over HTTP. Kept apart from the client, so that settings load without it."""

from __future__ import annotations

import ipaddress
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from retrieval.config import Section


class ConnectionSettings(Section):
    """Where a server is, and how long and how often it is asked."""

    url: str
    """http://host:port, with the path before /v1 if there is one."""
    remote: bool = False
    """Must be true for a server that is not on this machine: prompts, with what a user bought or saw, go to it."""
    api_key: SecretStr | None = None
    """Sent as a bearer token, and never shown."""
    connect_timeout_s: float = Field(default=5.0, gt=0, le=600)
    read_timeout_s: float = Field(default=60.0, gt=0, le=3600)
    """Longest silence of the server while it is waited for."""
    total_timeout_s: float = Field(default=120.0, gt=0, le=3600)
    """Of one request with its retries, from the moment it is its turn."""
    retries: int = Field(default=2, ge=0, le=10)
    """Further tries of a request that the server did not take: no connection, or told to come later (429, 503)."""
    retry_wait_s: float = Field(default=0.5, gt=0, le=60)
    """Longest wait before the first retry; doubles with each one. The wait is drawn between half of it and all."""
    max_retry_after_s: float = Field(default=10.0, ge=0, le=600)
    """A server that asks for a longer wait than this is not asked again."""
    concurrency: int = Field(default=8, ge=1, le=256)
    """Requests under way at a time; more wait for their turn."""
    max_response_bytes: int = Field(default=16 * 2**20, ge=1024, le=2**30)

    @field_validator("url")
    @classmethod
    def _an_address_and_nothing_else(cls, url: str) -> str:
        # The messages do not repeat the address: it may hold a password.
        try:
            parts = urlsplit(url)
            named = bool(parts.hostname) and (parts.port is None or parts.port > 0)
        except ValueError:
            named = False
        if not named or parts.scheme not in {"http", "https"}:
            raise ValueError("must look like http://host:port")
        if "@" in parts.netloc:
            raise ValueError("must hold no user name or password; give a key as api_key")
        if parts.query or parts.fragment:
            raise ValueError("must end with the path; a ?query or #fragment does not belong to a server's address")
        return url.rstrip("/").removesuffix("/v1")

    @model_validator(mode="after")
    def _leaves_this_machine_only_if_told(self) -> Self:
        if not self.on_this_machine and not self.remote:
            raise ValueError(
                f"{self.url} is not on this machine; set remote to true if prompts may be sent there "
                "(`fewrec prompt render` shows what would be sent)"
            )
        return self

    @property
    def on_this_machine(self) -> bool:
        """Whether the address is a loopback one."""
        host = urlsplit(self.url).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost" or host.endswith(".localhost")
