"""The evaluation that tells what a tuned adapter is worth, as a configuration beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from evaluation.config import rebased
from evaluation.data.config import StoreSet
from evaluation.protocols.config import Labelled
from evaluation.tuning.config import TuneConfig, TuneFile
from prompts.template import list_templates
from ranking.factory import served_settings
from ranking.settings import Settings
from ranking.tuning.files import write_part

EVALUATION = "evaluation.yaml"


def run_name(name: str) -> str:
    """What the evaluation of an adapter is called, and its run folder: not as an evaluation of the same data is."""
    return f"{name}-tuned"


def write_evaluation(folder: Path, file: TuneFile, data_dir: Path | None, settings: Settings) -> Path:
    """Writes, into the adapter's folder, a configuration that asks the test cases of baselines and of the adapter.

    A user's own store is asked of the adapter that serves now as well, if it is of the same model: promotion compares
    with it. Paths of the data are absolute, unless --data-dir is to be given again.
    Raises AdapterFolderError if it cannot be written, PromotionError as the history of what served does.
    """
    config = file.config
    data = config.data if data_dir is not None else rebased(config.data, file.base)
    baseline, arms = _arms_of_labels(config) if isinstance(config.protocol, Labelled) else _arms_of_lists(config)
    serving = served_settings(settings).model.adapter if config.model in {None, settings.model.name} else None
    if serving is not None and isinstance(config.data, StoreSet):
        asked = {name: value for name, value in arms["tuned"].items() if name != "template"}
        arms["serving"] = {**asked, "adapter": str(serving.absolute()), "fusion": "served"}
    content: dict[str, Any] = {
        "name": run_name(config.name),
        "data": data.model_dump(mode="json", by_alias=True),
        "protocol": config.protocol.model_dump(mode="json", by_alias=True),
        "seed": config.seed,
        "baseline": baseline,
        "arms": arms,
    }
    if isinstance(config.protocol, Labelled):
        content["metrics"] = ["auc", "log-loss", "ece"]
    if config.known_interactions is not None:
        content["known_interactions"] = config.known_interactions
    path = folder / EVALUATION
    written = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    write_part(path, written.encode(), "The adapter is there; make room and run the same command again")
    return path


def _arms_of_lists(config: TuneConfig) -> tuple[str, dict[str, dict[str, Any]]]:
    """The baseline's name, and the arms of a protocol that ranks."""
    arms: dict[str, dict[str, Any]] = {
        "popularity": {"kind": "popularity"},
        "embedding": {"kind": "embedding"},
        "item-knn": {"kind": "item-knn"},
        **({"signals": {"kind": "signals"}} if config.validation else {}),
        "tuned": _tuned(config),
        "fused": {**_tuned(config), "fusion": "served"},
    }
    return "signals" if config.validation else "popularity", arms


def _arms_of_labels(config: TuneConfig) -> tuple[str, dict[str, dict[str, Any]]]:
    """The same for labelled cases, which have one candidate each: nothing is fused there."""
    arms = {
        "random": {"kind": "random"},
        "liked-share": {"kind": "liked-share"},
        "embedding": {"kind": "embedding"},
        "untuned": {key: value for key, value in _tuned(config).items() if key != "adapter"},
        "tuned": _tuned(config),
    }
    return "embedding", arms


def _tuned(config: TuneConfig) -> dict[str, Any]:
    own = config.model_dump(include={"model", "history_length", "liked_only"}, exclude_none=True)
    if config.template not in {ref.name for ref in list_templates()}:
        # An adapter remembers the name of its template, which finds the shipped ones only.
        own["template"] = str(Path(config.template).absolute())
    return {"kind": "llm", "adapter": ".", "strategy": "yes-no", "language": config.language, **own}
