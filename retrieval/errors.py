"""What can go wrong in retrieval.

RetrievalError
├── InputError            a file, a row, a filter or a flag that cannot be used
├── NotFoundError         an unknown user, item or campaign
├── ConflictError         something else is stored under the id already
├── QuotaError            no more rows of a kind are allowed
├── EmptyStoreError       nothing imported yet
├── StoreBusyError        another process holds the embedded store
├── StoreError            the record or the index cannot be read or written
└── ModelMissingError     the embedding model is not installed
"""

from __future__ import annotations


class RetrievalError(Exception):
    """Base of retrieval's errors. The message says what was wrong, with which id or line, and what to do."""


class InputError(RetrievalError):
    """A file, a row, a filter or a flag cannot be used."""


class NotFoundError(RetrievalError):
    """A user, an item or a campaign is not in the store."""


class ConflictError(RetrievalError):
    """Something else is stored under the id already."""


class QuotaError(RetrievalError):
    """No more rows of a kind are allowed; the message says which quota it is."""


class EmptyStoreError(RetrievalError):
    """The store has no items yet."""


class StoreBusyError(RetrievalError):
    """Another process holds the embedded store."""


class StoreError(RetrievalError):
    """The record or the index cannot be read or written."""


class ModelMissingError(RetrievalError):
    """The embedding model is not installed or not complete."""


def one_line(told: BaseException | str) -> str:
    """An error's text, or another's, without line breaks: every error of ours is told in one line."""
    return " ".join(str(told).split())
