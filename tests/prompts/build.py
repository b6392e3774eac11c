"""Short ways to make what prompts take, for the tests of prompts."""

from __future__ import annotations

from collections.abc import Sequence

from prompts.types import TokenBudget
from retrieval.types import Demonstration, Item, PastItem


def film(title: str, domain: str = "films") -> Item:
    return Item(item_id=title, title=title, domain=domain)


def past(title: str, *, liked: bool = True, domain: str = "films") -> PastItem:
    return PastItem(item=film(title, domain), timestamp=0.0, liked=liked)


def history(*titles: str) -> tuple[PastItem, ...]:
    return tuple(past(title) for title in titles)


def shot(chosen: str, titles: Sequence[str]) -> Demonstration:
    return Demonstration(
        demonstration_id=chosen, user_id=chosen, history=history(*titles), chosen=film(chosen), chosen_at=1.0
    )


def words(max_tokens: int) -> TokenBudget:
    """A budget that counts words."""
    return TokenBudget(max_tokens=max_tokens, count_tokens=lambda text: len(text.split()))


def characters(max_tokens: int) -> TokenBudget:
    """A budget that counts characters."""
    return TokenBudget(max_tokens=max_tokens, count_tokens=len)
