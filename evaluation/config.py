"""The configuration of an evaluation: a YAML file that says which arms answer which cases of which data."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Self, TypeAlias

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from evaluation.arms.config import LlmArm
from evaluation.baselines.config import BaselineConfig
from evaluation.data.config import DataConfig
from evaluation.errors import RunConfigError
from evaluation.grid import expand
from evaluation.metrics.registry import check_protocol, parse_metric
from evaluation.protocols.config import ProtocolConfig, ScenarioConfig
from evaluation.shipped import EVALUATIONS, shipped_configs, shipped_folder
from evaluation.spelling import explain, meant
from retrieval.config import Section
from retrieval.errors import one_line

ArmConfig: TypeAlias = Annotated[BaselineConfig | LlmArm, Field(discriminator="kind")]


class Batches(Section):
    """How many cases an arm gets, and the journal writes, at a time. Results do not depend on it."""

    llm: int = Field(default=8, ge=1, le=10_000)
    baseline: int = Field(default=256, ge=1, le=100_000)


class EvaluationConfig(Section):
    """One evaluation."""

    name: str = Field(min_length=1, pattern=r"^[^/\\]+$")
    """Of the run, and of its folder where none is named; the file's name if left out."""
    data: DataConfig
    protocol: ProtocolConfig
    scenarios: ScenarioConfig = ScenarioConfig()
    seed: int = Field(default=0, ge=0)
    """Of everything random: sampled candidates, tie-breaks, baselines, resampling."""
    known_interactions: int | None = Field(default=None, ge=0)
    """Only some users' interactions, about so many, are known to every arm; None for all. The cases stay the same."""
    limit: int | None = Field(default=None, ge=1)
    """Only the first so many cases of each scenario; None for all."""
    baseline: str | None = None
    """The arm that every difference refers to."""
    metrics: tuple[str, ...] = Field(default=("ndcg@1", "ndcg@10", "recall@10", "mrr@10"), min_length=1)
    batch: Batches = Batches()
    arms: dict[str, ArmConfig] = Field(min_length=1)
    """By name; an arm's `grid` has been expanded."""

    @model_validator(mode="after")
    def _baseline_is_an_arm(self) -> Self:
        if self.baseline is not None and self.baseline not in self.arms:
            raise ValueError(f"baseline: there is no arm {self.baseline!r}; {meant(self.baseline, self.arms)}")
        return self


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfigFile:
    """A configuration, and where its relative paths start."""

    config: EvaluationConfig
    base: Path
    """The file's folder; the working folder for a shipped configuration. Paths of arms start from it already, those of
    the data only where no --data-dir is given."""


def load_config(name: str) -> ConfigFile:
    """A configuration by its file's path, or a shipped one by its bare name, such as "ml-100k".

    Raises RunConfigError naming the place of what cannot be used.
    """
    found = find_text(name, EVALUATIONS)
    return parse_config(found.text, source=found.source, base=found.base, name=found.name)


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfigText:
    """A configuration as it is written."""

    text: bytes
    source: str
    """What errors call it."""
    base: Path
    name: str
    """Of the file, without its ending."""


def find_text(name: str, package: str) -> ConfigText:
    """A YAML file by its path, or one that is shipped in a package by its bare name. Raises RunConfigError."""
    path = Path(name)
    if path.is_file():
        return ConfigText(text=path.read_bytes(), source=str(path), base=path.parent, name=path.stem)
    if path.suffix in {".yaml", ".yml"} and len(path.parts) > 1:
        raise RunConfigError(f"there is no file {name}")
    shipped = shipped_folder(package) / f"{path.stem if path.suffix == '.yaml' else name}.yaml"
    if len(path.parts) > 1 or not shipped.is_file():
        nearest = _nearest(name, shipped_configs(package))
        raise RunConfigError(f"there is neither a file nor a shipped configuration {name!r}; {nearest}")
    return ConfigText(text=shipped.read_bytes(), source=name, base=Path(), name=shipped.stem)


def parse_config(text: bytes, *, source: str, base: Path, name: str) -> ConfigFile:
    """A configuration from YAML. `source` names it in errors, `base` is where relative paths start."""
    raw = read_settings(text, source, "`data:`, `protocol:` and `arms:`")
    try:
        if isinstance(raw.get("arms"), dict):
            raw["arms"] = expand(raw["arms"])
        config = EvaluationConfig.model_validate({"name": name, **raw})
        _check_metrics(config)
    except ValidationError as error:
        raise RunConfigError(f"{source}: {explain(error, EvaluationConfig)}") from error
    except RunConfigError as error:
        raise RunConfigError(f"{source}: {error}") from error
    arms = {arm: rebased(value, base.absolute()) for arm, value in config.arms.items()}
    return ConfigFile(config=config.model_copy(update={"arms": arms}), base=base.absolute())


def read_settings(text: bytes, source: str, such_as: str) -> dict[str, Any]:
    """Settings by name from YAML, each named once. Raises RunConfigError, which `source` and `such_as` explain."""
    try:
        raw = yaml.load(text, _StrictLoader)  # noqa: S506  (a SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RunConfigError(f"{source} is not YAML: {_slip(error)}") from error
    if not isinstance(raw, dict):
        raise RunConfigError(f"{source} must hold settings by name, such as {such_as}")
    return raw


def _slip(error: Exception) -> str:
    """Where the text goes wrong, and how; PyYAML itself would name a byte string and quote the line."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return one_line(error)
    mark = error.problem_mark
    return f"line {mark.line + 1}, column {mark.column + 1}: {one_line(error.problem or error.context or '')}"


def _check_metrics(config: EvaluationConfig) -> None:
    for place, metric in enumerate(config.metrics):
        try:
            check_protocol(parse_metric(metric), config.protocol.kind)
        except RunConfigError as error:
            raise RunConfigError(f"metrics.{place}: {error}") from error
    if len(set(config.metrics)) < len(config.metrics):
        raise RunConfigError("metrics: a metric is named twice")


def _nearest(name: str, shipped: list[str]) -> str:
    near = get_close_matches(name, shipped, n=1)
    return f"did you mean {near[0]!r}?" if near else f"shipped: {', '.join(shipped)}"


def rebased(value: Any, base: Path) -> Any:
    """The value with every relative path in it starting from `base`."""
    if isinstance(value, Path):
        return base / value.expanduser()
    if isinstance(value, BaseModel):
        fields = {name: getattr(value, name) for name in type(value).model_fields}
        changed = {name: new for name, old in fields.items() if (new := rebased(old, base)) is not old}
        return value.model_copy(update=changed) if changed else value
    return value


class _StrictLoader(yaml.SafeLoader):
    """Refuses a name that stands twice, of which YAML would silently keep the last, and what is no name."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key.value, str):
                problem = "a list or settings in braces stand where a name belongs"
                raise yaml.constructor.ConstructorError(problem=problem, problem_mark=key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"{key.value!r} stands twice", problem_mark=key.start_mark
                )
            if key.tag != "tag:yaml.org,2002:merge":
                seen.add(key.value)
        return super().construct_mapping(node, deep)
