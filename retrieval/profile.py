"""What users say of their taste, as a text to compare items with."""

from __future__ import annotations

from retrieval.types import AttributeValue, User

_WORDS = 3


def profile_text(user: User) -> str:
    """The user's lists and texts of at least three words, by name, a line each; "" where there are none.

    Numbers, flags and a word or two (an occupation, a postcode) say nothing of what somebody likes: as a text they
    made newcomers' lists worse than what most people take (MovieLens 100K, see docs/newcomers.md).
    """
    told = ((name, _taste(value)) for name, value in sorted(user.attributes.items()))
    return "\n".join(f"{name}: {text}" for name, text in told if text)


def _taste(value: AttributeValue) -> str:
    if isinstance(value, tuple):
        return ", ".join(value)
    return value if isinstance(value, str) and len(value.split()) >= _WORDS else ""
