"""A key: who may ask the service for what, and until when. Only the digest of its secret is kept.

As text a key is `fewrec_ID_SECRET`. The id is public: it stands in lists and logs. The secret is 32 random bytes, so
that a plain SHA-256 of it cannot be reversed by guessing, as that of a password could.
"""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

PREFIX = "fewrec"
_ID_BYTES, _SECRET_BYTES = 6, 32
_TENANT = r"[a-z0-9][a-z0-9-]{0,62}"


class Scope(StrEnum):
    """What a key may do; admin includes the others."""

    READ = "read"
    WRITE = "write"
    CHAT = "chat"
    ADMIN = "admin"


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Secret(_Kept):
    """What proves that somebody holds a key. Rotated, a key has an older one for a while."""

    sha256: str
    expires_at: float | None
    """Unix seconds; None is never."""


class Key(_Kept):
    """A key as it is kept."""

    key_id: str
    name: str
    """Whose it is, for people."""
    scopes: tuple[Scope, ...] = Field(min_length=1)
    created_at: float
    secrets: tuple[Secret, ...] = Field(min_length=1)
    """Newest last."""
    requests_per_minute: int | None = None
    """None is what the settings say."""
    revoked_at: float | None = None
    tenant: str | None = Field(default=None, pattern=f"^{_TENANT}$")
    """Whose store it opens; None is the store of the home folder itself."""

    @property
    def expires_at(self) -> float | None:
        """When its newest secret ends; None is never."""
        return self.secrets[-1].expires_at

    def state(self, now: float) -> Literal["valid", "expired", "revoked"]:
        """Whether it opens anything at that time."""
        if self.revoked_at is not None:
            return "revoked"
        return "valid" if any(_lasts(one, now) for one in self.secrets) else "expired"

    def opened_by(self, secret: str, now: float) -> bool:
        """Whether this is a secret of the key that is valid at that time."""
        digest = digest_of(secret)
        matches = [hmac.compare_digest(one.sha256, digest) and _lasts(one, now) for one in self.secrets]
        return self.revoked_at is None and any(matches)

    def allows(self, scope: Scope) -> bool:
        """Whether the key has the scope."""
        return scope in self.scopes or Scope.ADMIN in self.scopes


@dataclass(frozen=True, kw_only=True, slots=True)
class Issued:
    """A key with its text, which is shown once and kept nowhere."""

    key: Key
    text: str


def is_tenant_name(name: str) -> bool:
    """Whether a tenant may be called so: the name is that of a folder and stands in lists."""
    return re.fullmatch(_TENANT, name) is not None


def new_id() -> str:
    """A random public id."""
    return secrets.token_hex(_ID_BYTES)


def new_secret() -> str:
    """A random secret, as text without padding."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def digest_of(secret: str) -> str:
    """What is kept of a secret."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _lasts(secret: Secret, now: float) -> bool:
    return secret.expires_at is None or now < secret.expires_at
