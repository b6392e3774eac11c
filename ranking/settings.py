"""Every setting with its default. Flags win over a YAML file (--config), which wins over the environment (FEWREC_…)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import platformdirs
import yaml
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from prompts.config import PromptSettings
from ranking.access_settings import AccessSettings
from ranking.ads.config import AdSettings
from ranking.arrangement.config import ArrangementSettings
from ranking.engine_settings import EngineSettings, TransformersSettings
from ranking.errors import ConfigError
from ranking.experiments.config import ExperimentSettings, check_together
from ranking.scenarios.files import read_scenario
from ranking.shipped import AdapterFolder
from ranking.strategies.config import SetwiseSettings, StrategyName, WindowSettings, YesNoSettings
from retrieval.config import (
    EmbedderSettings,
    ExampleSettings,
    IndexSettings,
    QuotaSettings,
    RetrievalSettings,
    Section,
)
from retrieval.errors import one_line


class ModelSettings(Section):
    """The LLM and where it runs."""

    name: str = "smollm2-135m-instruct"
    """The packaged default, a Hugging Face id, or a local folder."""
    adapter: AdapterFolder | None = None
    """A folder that `fewrec tune` wrote, or "shipped"; None is what `tuned` says."""
    device: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """auto: bf16 on a GPU or on a CPU with avx512_bf16, else float32."""
    threads: int | None = Field(default=None, ge=1)
    max_packed_tokens: int = Field(default=4096, ge=64)
    """Tokens of one forward pass; more are split over several passes."""


class LikelihoodSettings(Section):
    """How titles' likelihoods become scores."""

    per_token: bool = True
    """Divide by the title's number of tokens, so that long titles are not punished for their length."""
    prior_removed: float = Field(default=0.0, ge=0, le=1)
    """Share of a title's own log-likelihood that is taken off: 1 is pointwise mutual information, 0 keeps what the
    model knows of the title before it knows anything of the user, such as its fame."""


class ListwiseSettings(Section):
    """How a model writes an order."""

    max_tokens: int | None = Field(default=None, ge=1, le=32_768)
    """Tokens that the model may write; None is what the order takes, with room around it where the model writes
    freely. A model that thinks first needs more."""


class ConsistencySettings(Section):
    """Asking the same with the candidates in several orders (permutation self-consistency)."""

    rounds: int = Field(default=1, ge=1, le=32)
    """How many orders are shown; 1 asks once, in the given order. An even number cancels a model's taste for places."""
    aggregate: Literal["borda", "rrf"] = "borda"
    """Borda: the mean number of candidates put behind it; rrf: the mean of 1 / (60 + rank), which tells the first
    places apart more than the last ones."""
    seed: int = Field(default=0, ge=0)


class FusionWeights(Section):
    """Weights of the fused score; every value is standardised over the candidates first."""

    llm: float = 0.15
    """0 leaves the LLM unasked: the signals alone rank."""
    similarity: float = 0.25
    """Of the largest similarity to a liked recent item."""
    cooccurrence: float = 0.5
    latent: float = 1.0
    """Of closeness by latent factors, times n / (n + 20) with n interactions per item: where little is known it says
    little."""
    bm25: float = 0.25
    """Of words in common with what the user liked."""
    popularity: float = 0.25
    """Of log popularity."""
    query: float = 1.0
    """Of the similarity to the query's text; where there is none and the user liked nothing yet, to what their profile
    says of their taste."""


class LadderSettings(Section):
    """What the service answers when the model or the index is slow, busy or down.

    Only the service goes to lower rungs; commands and evaluations fail instead.
    """

    deadline_s: float = Field(default=10.0, gt=0, le=3600)
    """Seconds after which a list is answered, with what there is by then."""
    min_candidates: int = Field(default=4, ge=1, le=1000)
    """The LLM is never asked for fewer candidates than these (or all of them)."""
    when_busy: Literal["degrade", "refuse"] = "degrade"
    """Where too many requests wait for the model: retrieval's order, or status 503 with the time to come back."""
    breaker_failures: int = Field(default=3, ge=1, le=1000)
    """Failures in a row, late answers among them, after which the model (or the index) is left alone."""
    breaker_rest_s: float = Field(default=10.0, gt=0, le=3600)
    """How long it is left alone; then one request tries it."""


class TracingSettings(Section):
    """Traces of requests for OpenTelemetry: routes, times and rungs, never words or ids of users."""

    endpoint: str | None = None
    """Address of a collector that takes OTLP over gRPC, such as http://localhost:4317; None makes no traces."""


class RetentionSettings(Section):
    """How long the service keeps what it logs."""

    shown_days: float | None = Field(default=90.0, gt=0)
    """Days after which a list that was shown is forgotten, and with it what feedback and experiments join to; the
    feedback itself stays. None keeps all."""
    prompt_days: float = Field(default=7.0, gt=0, le=90)
    """Days after which a logged prompt is forgotten; see log.prompts."""


class LogSettings(Section):
    """What the service tells of itself, and what it keeps of what the model was shown."""

    format: Literal["text", "json"] = "text"
    """json: one JSON object a line on stderr, and one for every request, without anybody's words or ids."""
    prompts: bool = False
    """Keep in the record the exact prompts of every list, with its request id and user: they hold what users did and
    wrote. They go with retention.prompt_days and with their user."""


class Settings(BaseSettings):
    """All of FewRec's settings."""

    model_config = SettingsConfigDict(env_prefix="FEWREC_", env_nested_delimiter="__", extra="forbid", frozen=True)

    home: Path = Field(default_factory=lambda: Path(platformdirs.user_data_dir("fewrec")))
    """Folder of the record and the index."""
    cache: Path = Field(default_factory=lambda: Path(platformdirs.user_cache_dir("fewrec")))
    """Folder of prepared models."""
    runs: Path = Path("runs")
    """Folder of evaluations, one folder for each run; the service shows their reports, and never writes here."""
    record_url: str | None = None
    """SQLAlchemy URL of the record; None is a SQLite file in the home folder."""
    index: IndexSettings = IndexSettings()
    embedder: EmbedderSettings = EmbedderSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    examples: ExampleSettings = ExampleSettings()
    prompt: PromptSettings = PromptSettings()
    model: ModelSettings = ModelSettings()
    engine: EngineSettings = TransformersSettings()
    strategy: StrategyName | None = None
    """How the LLM ranks; None is what the template is made for, or likelihood if none is named."""
    likelihood: LikelihoodSettings = LikelihoodSettings()
    yes_no: YesNoSettings = YesNoSettings()
    setwise: SetwiseSettings = SetwiseSettings()
    listwise: ListwiseSettings = ListwiseSettings()
    windows: WindowSettings = WindowSettings()
    consistency: ConsistencySettings = ConsistencySettings()
    access: AccessSettings = AccessSettings()
    fusion: FusionWeights = FusionWeights()
    arrangement: ArrangementSettings = ArrangementSettings()
    ads: AdSettings | None = None
    """Places of the list that campaigns bid for; None sells none."""
    scenario: str | None = None
    """The scenario that these settings are of; named by requests and the flag --scenario, never by a settings file."""
    ladder: LadderSettings = LadderSettings()
    tracing: TracingSettings = TracingSettings()
    tuned: bool = True
    """Where model.adapter names none, serve the adapter that was promoted last, or else the shipped one; false serves
    the model as it is."""
    experiments: tuple[ExperimentSettings, ...] = ()
    """Ways to rank that the service compares on its users; commands and evaluations take no notice."""
    retention: RetentionSettings = RetentionSettings()
    quota: QuotaSettings = QuotaSettings()
    log: LogSettings = LogSettings()

    _together = field_validator("experiments")(check_together)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given over the environment, without those of its sections that are of another kind."""
        given = init_settings()
        kept = {name: value for name, value in env_settings().items() if _same_kind(value, given.get(name))}
        return init_settings, InitSettingsSource(settings_cls, kept), dotenv_settings, file_secret_settings


def load_settings(config: Path | None = None, *, scenario: str | None = None, **flags: Any) -> Settings:
    """Settings from the environment, over them a YAML file, then a scenario, then flags (nested dicts).

    None values are not set. Raises ConfigError naming the file or the setting, InputError for a scenario that does not
    exist.
    """
    values: dict[str, Any] = {}
    if config is not None:
        try:
            loaded = yaml.safe_load(config.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ConfigError(f"cannot read the settings file {config}: {one_line(error)}") from error
        if not isinstance(loaded, dict | None):
            raise ConfigError(f"the settings file {config} must hold names and values, not a {type(loaded).__name__}")
        values = loaded or {}
    found = _checked(merged(values, flags))
    if found.scenario is not None:
        raise ConfigError("a scenario is named by a request or by --scenario, not by the settings: leave scenario out")
    if scenario is None:
        return found
    chosen = read_scenario(found.home, scenario)
    below = merged(values, {**chosen.settings, "scenario": scenario})
    return _checked(merged(below, flags), f"scenario {chosen.place}: ")


def with_scenario(settings: Settings, name: str) -> Settings:
    """The settings with a scenario's on top. Raises as `load_settings` does."""
    scenario = read_scenario(settings.home, name)
    without = settings.model_copy(update={"experiments": ()})
    return with_values(without, {**scenario.settings, "scenario": name}, f"scenario {scenario.place}: ")


def with_values(settings: Settings, values: Mapping[str, Any], of: str) -> Settings:
    """The settings with nested values on top; their experiments stay. Raises ConfigError, beginning with `of`."""
    found = merged(settings.model_dump(exclude={"experiments"}), values)
    return _checked({**found, "experiments": settings.experiments}, of)


def _checked(values: dict[str, Any], of: str = "") -> Settings:
    try:
        return Settings(**values)
    except ValidationError as error:
        raise ConfigError(f"{of}{first_slip(error)}. The settings are listed in ranking/settings.py") from error


def first_slip(error: ValidationError) -> str:
    """The name of the first setting that cannot be used, and why."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"setting {place}: {first['msg'].removeprefix('Value error, ')}"


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Nested values with others on top; None above is not set, and a section of nothing else is left out."""
    found = dict(below)
    for name, value in above.items():
        if isinstance(value, Mapping):
            inner = found.get(name)
            found[name] = merged(inner if isinstance(inner, Mapping) and _same_kind(inner, value) else {}, value)
            if value and not found[name]:
                del found[name]
        elif value is not None:
            found[name] = value
    return found


def _same_kind(below: Any, above: Any) -> bool:
    """False where a section becomes one of another kind, which has settings of its own."""
    if not isinstance(below, Mapping) or not isinstance(above, Mapping):
        return True
    return above.get("kind") is None or below.get("kind", above["kind"]) == above["kind"]
