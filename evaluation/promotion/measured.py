"""What a run measured: its data, its protocol, and which of its arms is an adapter as it would be served."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from evaluation.arms.config import LlmArm
from evaluation.arms.digest import MATTERS, arm_digest
from evaluation.baselines.config import SignalsConfig
from evaluation.config import ArmConfig
from evaluation.errors import RunFolderError, RunMismatchError
from evaluation.run.folder import read_spec
from ranking.factory import choose_fusion, choose_template
from ranking.settings import Settings
from ranking.tuning.adapter import Adapter

_ARM: TypeAdapter[Any] = TypeAdapter(ArmConfig)


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasuredRun:
    """What spec.json says of a run, as far as a promotion depends on it."""

    folder: Path
    data: str
    """Digest of the data set."""
    seed: int
    arms: Mapping[str, Any]
    """Configurations by name, in their order."""
    digests: Mapping[str, str]
    """By arm, of those that were run."""
    protocol: Mapping[str, Any]
    known_interactions: int | None


def read_run(folder: Path) -> MeasuredRun:
    """The run in a folder. Raises RunFolderError if there is none, or none that can be read."""
    spec = read_spec(folder)
    if spec is None:
        raise RunFolderError(f"{folder} is no run folder; make one with: fewrec evaluate ADAPTER/evaluation.yaml")
    try:
        config = spec["config"]
        return MeasuredRun(
            folder=folder,
            data=spec["digests"]["data"],
            seed=config["seed"],
            arms={name: _ARM.validate_python(arm) for name, arm in config["arms"].items()},
            digests=spec["digests"]["arms"],
            protocol=config["protocol"],
            known_interactions=config["known_interactions"],
        )
    except (KeyError, TypeError, AttributeError, ValidationError) as error:
        raise RunFolderError(f"{folder} was written by another version of fewrec ({type(error).__name__})") from error


def check_as_served(run: MeasuredRun, data: str) -> None:
    """Raises RunMismatchError unless the run asked, end to end and with all that is known, about this very data."""
    if run.protocol.get("kind") != "end-to-end" or run.protocol.get("source") != "retrieval":
        raise RunMismatchError(
            f"{run.folder} did not rank what is served (protocol {run.protocol.get('kind')}); promotion needs "
            f"`protocol: {{kind: end-to-end, source: retrieval}}` in the evaluation"
        )
    if run.known_interactions is not None:
        raise RunMismatchError(
            f"{run.folder} knew only about {run.known_interactions:,} interactions; evaluate with all of them"
        )
    if run.data != data:
        raise RunMismatchError(
            f"{run.folder} asked about other data (digest {run.data[:12]}) than your store holds now ({data[:12]}); "
            f"evaluate on your store as it is: `data: {{kind: store}}`"
        )


def signals_arm(run: MeasuredRun) -> str:
    """The arm of retrieval's signals alone. Raises RunMismatchError where there is none."""
    found = [name for name, arm in run.arms.items() if isinstance(arm, SignalsConfig) and name in run.digests]
    if not found:
        raise RunMismatchError(
            f"{run.folder} has no arm of the signals alone, which an adapter must beat; add `signals: {{kind: "
            f"signals}}` to the arms and evaluate again"
        )
    return "signals" if "signals" in found else found[0]


def arm_of(run: MeasuredRun, adapter: Adapter, settings: Settings) -> str:
    """The arm that answered as these settings would with this very adapter. RunMismatchError says what differs.

    An arm's digest covers the adapter's weights, its fusion weights and all settings; it is made anew here, wherever
    the adapter's folder lay when the run was made.
    """
    wanted = _answers(_with(settings, adapter))
    differing: list[str] = []
    for name, arm in run.arms.items():
        if not isinstance(arm, LlmArm) or arm.adapter is None or name not in run.digests:
            continue
        own = _with(arm.over(settings), adapter)
        if arm_digest(own, adapter.manifest.label) != run.digests[name]:
            continue
        answers = _answers(own)
        if answers == wanted:
            return name
        differing.append(f"arm {name!r} ({', '.join(sorted(key for key in wanted if answers[key] != wanted[key]))})")
    label = adapter.manifest.label
    if differing:
        raise RunMismatchError(
            f"{run.folder} measured {label}, but not as your settings serve it; what differs: {'; '.join(differing)}"
        )
    raise RunMismatchError(
        f"no arm of {run.folder} is {label} as it is now under your settings. Add it to the evaluation's arms and run "
        f"it: `served: {{kind: llm, adapter: {adapter.folder.absolute()}, fusion: served}}`"
    )


def _with(settings: Settings, adapter: Adapter) -> Settings:
    return settings.model_copy(update={"model": settings.model.model_copy(update={"adapter": adapter.folder})})


def _answers(settings: Settings) -> dict[str, Any]:
    """What answers depend on, whether it was said or is the default."""
    template = choose_template(settings)
    described = settings.model_dump(mode="json", include=MATTERS)
    described["fusion"] = choose_fusion(settings).model_dump()
    described["strategy"] = settings.strategy or template.kind
    described["prompt"] |= {"template": template.ref.digest, "language": template.ref.language}
    return described
