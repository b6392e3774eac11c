"""The fitted probabilities of a store, kept beside its record with a digest, and with what made the scores."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator

from ranking.calibration.curves import Curve, Method
from ranking.errors import CalibrationError
from ranking.settings import FusionWeights, Settings
from ranking.types import Recommendation
from retrieval.config import Section
from retrieval.errors import one_line
from retrieval.files import write_whole

FILE = "calibration.json"


class Bin(Section):
    """A tenth of the candidates, by predicted probability."""

    n: int
    predicted: float
    """Mean probability."""
    observed: float
    """Share that was taken."""


class Quality(Section):
    """How far the probabilities can be trusted, on cases that they were not fitted on (two-fold cross-fitting)."""

    log_loss: float
    """Mean, in nats."""
    log_loss_of_base: float
    """Of telling every candidate the share that was taken."""
    ece: float
    """Expected calibration error in ten bins of equal width."""
    ece_mass: float
    """The same in ten bins of equally many candidates."""
    bins: tuple[Bin, ...]
    """Of equally many candidates, lowest first."""


class ModelKey(Section):
    """What read the candidates, where the LLM did."""

    model: str
    adapter: str | None
    strategy: str
    template: str
    """Digest."""

    @classmethod
    def of(cls, answer: Recommendation) -> ModelKey | None:
        """What ranked an answer; None where the LLM did not."""
        engine, template = answer.engine, answer.template
        if engine is None or template is None or answer.strategy is None:
            return None
        return cls(
            model=f"{engine.model}@{engine.revision}",
            adapter=engine.adapter,
            strategy=answer.strategy,
            template=template.digest,
        )


class Fitted(Section):
    """Probabilities for one kind of score."""

    curve: Curve
    n_cases: int
    """Validation lists."""
    n_candidates: int
    """On all of them."""
    base_rate: float = Field(gt=0, lt=1)
    """Share of the candidates that was taken."""
    quality: Quality
    rejected: dict[Method, Quality]
    """What the other way of fitting gave."""
    model: ModelKey | None
    """None for the score of the signals alone."""


class Calibration(Section):
    """What there is for a store."""

    format: Literal[1] = 1
    made_at: str
    """UTC, ISO 8601."""
    scores_digest: str
    """Of the settings that the scores depend on; see `scores_digest`."""
    longest: int
    """Candidates of a validation list: longer lists are standardised otherwise."""
    signals: Fitted | None = None
    """For the fused score without the LLM."""
    llm: Fitted | None = None
    """For the fused score with it."""
    digest: str = ""
    """SHA-256 of all the rest."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.digest and self.digest != self.computed():
            raise ValueError("it was changed since it was written (its digest does not fit)")
        return self

    def computed(self) -> str:
        """What the digest must be."""
        content = self.model_dump(mode="json", exclude={"digest"})
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def scores_digest(settings: Settings, weights: FusionWeights) -> str:
    """Of what a fused score depends on beside the model: candidate sources, embedder and weights."""
    told = settings.model_dump(
        mode="json", include={"retrieval": True, "embedder": True, "arrangement": {"unseen": True}}
    )
    content = json.dumps({**told, "fusion": weights.model_dump()}, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def write_calibration(home: Path, calibration: Calibration) -> Path:
    """Stores it whole, with its digest, in place of what was there; returns the file."""
    sealed = calibration.model_copy(update={"digest": calibration.computed()})
    path = home / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, (sealed.model_dump_json(indent=1) + "\n").encode())
    return path


def read_calibration(home: Path) -> Calibration | None:
    """What is stored; None where nothing is. Raises CalibrationError for a file that cannot be trusted."""
    path = home / FILE
    try:
        return Calibration.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CalibrationError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValidationError as error:
        raise CalibrationError(
            f"{path} cannot be used: {one_line(error.errors()[0]['msg'])}; run fewrec calibrate again, or remove it"
        ) from error
