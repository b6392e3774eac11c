"""How full a store is, as it looks on the wire."""

from __future__ import annotations

from retrieval.record.quotas import Quotas
from service.wire import Wire


class UseOut(Wire):
    """How much of one kind."""

    taken: int
    allowed: int | None
    """Null is without limit."""


class QuotaOut(Wire):
    """What the store holds and how much it may."""

    items: UseOut
    users: UseOut
    interactions: UseOut
    requests_today: UseOut
    """From midnight UTC; 0 where they have no quota, since nothing counts them then."""

    @classmethod
    def of(cls, quotas: Quotas, now: float) -> QuotaOut:
        """Of a record, at a time."""
        taken, allowed = quotas.taken(now), quotas.allowed
        return cls(
            items=UseOut(taken=taken.items, allowed=allowed.items),
            users=UseOut(taken=taken.users, allowed=allowed.users),
            interactions=UseOut(taken=taken.interactions, allowed=allowed.interactions),
            requests_today=UseOut(taken=taken.requests, allowed=allowed.requests_per_day),
        )
