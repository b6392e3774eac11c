"""The configuration of tuning: a YAML file that says on which examples of which data an adapter is tuned."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self, TypeAlias

from pydantic import Field, ValidationError, field_validator, model_validator

from evaluation.config import find_text, read_settings, rebased
from evaluation.data.config import DataConfig
from evaluation.errors import RunConfigError
from evaluation.protocols.config import EndToEnd, Labelled, ProtocolConfig, Sampled
from evaluation.shipped import TUNINGS
from evaluation.spelling import explain
from ranking.shipped import AdapterFolder
from ranking.tuning.config import TuningSettings
from ranking.tuning.manifest import AdapterName
from retrieval.config import ExampleSettings, Section

STORE = "store"
"""The shipped configuration of the user's own store."""
SelectionName: TypeAlias = Literal["random", "recent", "diverse", "popularity-balanced", "uncertainty"]


class NegativeCounts(Section):
    """The other candidates of an example, by where they come from."""

    random: int = Field(default=7, ge=0, le=1000)
    """Uniform over what the user never takes in the whole data set."""
    served: int = Field(default=0, ge=0, le=1000)
    """From the list that retrieval serves at that moment, any place of it alike; moments whose item is not on the list
    are then no examples: what is not retrieved is not ranked."""
    depth: int = Field(default=50, ge=2, le=1000)
    """Length of that list."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.random + self.served < 1:
            raise ValueError("random and served are both 0, so there is nothing to compare with")
        return self


class ExampleConfig(Section):
    """Which moments of the training histories become examples, and what each of them shows."""

    n: int = Field(default=512, ge=1, le=1_000_000)
    """How many; all there are if they are fewer, which is said."""
    negatives: NegativeCounts = NegativeCounts()
    selection: SelectionName = "random"
    """random: users in random order, a moment each, then a second one each, and so on. recent: the latest first; where
    there are no dates, those with the most before them. diverse: each the least like those before it, by the embeddings
    of history and item. popularity-balanced: random within items of about equal popularity, from these classes in turn.
    uncertainty: of four times as many random ones those at which the model, before tuning, tells the two best
    candidates least apart; it costs a reading of each."""
    short_share: float = Field(default=0.25, ge=0, le=1)
    """Share of the examples whose history is cut to its latest so many entries, uniform from 1 up to as many as
    prompts show: somebody new to the shop must not be something new to the model."""
    min_history: int = Field(default=1, ge=0)
    """Moments with less before them are no examples."""
    views: int = Field(default=2, ge=1, le=64)
    """Of labelled cases, of which n are drawn from the validation part: how many lists each becomes; see
    evaluation.tuning.labelled. They have no use for negatives, selection and short_share."""
    residual: bool = False
    """Learn to add to the score of retrieval's signals, fitted without the LLM on the validation cases and frozen,
    instead of learning all of it anew."""


class FusionConfig(Section):
    """The weights of the fused score, fitted on the validation cases."""

    fit: bool = True
    l2: float = Field(default=8.0, gt=0)
    """Strength of the shrinkage: about as strong as so many cases that speak for what it shrinks towards."""
    cases: int = Field(default=500, ge=0, le=100_000)
    """The signals' own weights are fitted on so many validation cases, if there are as many, and shrunk towards the
    shipped ones. The cases that the LLM reads then move all weights from there. As many users are asked, unless the
    protocol says how many (validation_users)."""


class Lesson(Section):
    """Data to tune on, the questions to keep away from, and the examples to make."""

    data: DataConfig
    protocol: ProtocolConfig = Sampled()
    """Which cases are asked in the end: tuning keeps away from them, and validates as this protocol does."""
    examples: ExampleConfig = ExampleConfig()
    validation: int = Field(default=100, ge=0, le=100_000)
    """How many validation cases decide which adapter is kept, and carry the fusion weights."""

    @field_validator("protocol")
    @classmethod
    def _ranks(cls, protocol: ProtocolConfig) -> ProtocolConfig:
        if isinstance(protocol, Sampled | Labelled) or (
            isinstance(protocol, EndToEnd) and protocol.source == "retrieval"
        ):
            return protocol
        raise ValueError(
            "kind must be sampled, labelled, or end-to-end with source: retrieval: adapters are tuned to rank these"
        )


class TuneConfig(Lesson):
    """How an adapter is made."""

    name: AdapterName
    """Of the adapter, and of its folder where none is named; the file's name if left out."""
    more: tuple[Lesson, ...] = ()
    """Further data, or other examples of the same: all are mixed and tuned on at once. The evaluation that is written
    beside the adapter asks the first one's questions."""
    seed: int = Field(default=0, ge=0)
    """Of everything drawn for the examples; that of tuning itself is tuning.seed."""
    known_interactions: int | None = Field(default=None, ge=0)
    """Only some users' interactions, about so many of each data set, are known; None for all."""
    fusion: FusionConfig = FusionConfig()
    tuning: TuningSettings = TuningSettings()
    model: str | None = None
    """The packaged default, a Hugging Face id, or a local folder; None is the settings' one."""
    adapter: AdapterFolder | None = None
    """An adapter to start from: a folder, or "shipped"."""
    history_length: int | None = Field(default=None, ge=0, le=200)
    """How much of the past the examples show; None is the settings' one. The evaluation beside the adapter asks so."""
    liked_only: bool | None = None
    """Whether they leave out what was disliked; None is the settings' one."""
    data_terms: str | None = None
    """Terms of use of the data, for the adapter's card."""
    template: str = "sequential"
    """Name of a shipped template of kind yes-no, or a template file."""
    language: Literal["en", "zh"] = "en"

    def shown(self, examples: ExampleSettings) -> ExampleSettings:
        """What the examples show of the past, over what the settings say."""
        own = {"history_length": self.history_length, "liked_only": self.liked_only}
        return examples.model_copy(update={name: value for name, value in own.items() if value is not None})

    @property
    def lessons(self) -> tuple[Lesson, ...]:
        """All there is to tune on, the leading one first."""
        return (self, *self.more)


@dataclass(frozen=True, kw_only=True, slots=True)
class TuneFile:
    """A configuration, and where the relative paths of its data start."""

    config: TuneConfig
    base: Path


def load_tune_config(name: str) -> TuneFile:
    """A configuration by its file's path, or a shipped one by its bare name, such as "ml-100k".

    Raises RunConfigError naming the place of what cannot be used.
    """
    found = find_text(name, TUNINGS)
    raw = read_settings(found.text, found.source, "`data:`, `protocol:` and `examples:`")
    try:
        config = TuneConfig.model_validate({"name": found.name, **raw})
    except ValidationError as error:
        raise RunConfigError(f"{found.source}: {explain(error, TuneConfig)}") from error
    base = found.base.absolute()
    return TuneFile(config=config.model_copy(update={"adapter": rebased(config.adapter, base)}), base=base)
