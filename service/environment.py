"""Keeps the libraries underneath from calling home: set before any of them is imported."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

_SILENT = {
    "ANONYMIZED_TELEMETRY": "False",
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "LANGCHAIN_TRACING_V2": "false",
    "LANGSMITH_TRACING": "false",
    "RAY_USAGE_STATS_ENABLED": "0",
    "TOKENIZERS_PARALLELISM": "false",
    "TQDM_DISABLE": "1",  # the libraries' own progress bars; ours are drawn by rich
    "VLLM_NO_USAGE_STATS": "1",
}
_HUB = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")


def keep_to_ourselves(*, downloads: bool = False, environment: MutableMapping[str, str] | None = None) -> None:
    """Turns telemetry and tracing off, and access to model hubs too unless downloads are wanted.

    Tracing is turned off even where the environment asks for it: it would send users' histories to a third party.
    """
    environment = os.environ if environment is None else environment
    environment.update(_SILENT)
    for name in _HUB:
        environment[name] = "0" if downloads else "1"
    if downloads:
        del environment["TQDM_DISABLE"]  # how far a download is, only its library knows
