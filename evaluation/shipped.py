"""The configurations that come with the package, found without loading anything, so that help can name them at once."""

from __future__ import annotations

from pathlib import Path

EVALUATIONS = "evaluation.configs"
TUNINGS = "evaluation.configs.tune"


def shipped_folder(package: str) -> Path:
    """The folder of a package of configurations."""
    # importlib.resources would say the same, but help would wait for it to load.
    return Path(__file__).parents[1].joinpath(*package.split("."))


def shipped_configs(package: str = EVALUATIONS) -> list[str]:
    """Names of the configurations that come with the package, sorted."""
    return sorted(path.stem for path in shipped_folder(package).glob("*.yaml"))
