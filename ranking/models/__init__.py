"""Models: which there are, where they lie, and how they get there."""

from ranking.models.prepare import locate, prepare
from ranking.models.verify import ListedModel, VerifiedModel, list_models, verify

__all__ = ["ListedModel", "VerifiedModel", "list_models", "locate", "prepare", "verify"]
