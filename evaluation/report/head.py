"""The facts at the head of a run's report, and its configuration as text."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import yaml

from evaluation.report.numbers import count_text
from evaluation.report.types import Run


def facts_of(run: Run) -> list[tuple[str, str]]:
    """(name, value) of what was run, on what and where; unknown ones are left out."""
    commit = None if run.commit is None else run.commit[:10] + (" with uncommitted changes" if run.dirty else "")
    known = None if run.known_interactions is None else count_text(run.known_interactions)
    facts = [
        ("data", f"{run.dataset} ({run.digest[:12]})"),
        ("protocol", run.protocol),
        ("cases", count_text(run.cases)),
        ("interactions known", known),
        ("left out", ", ".join(f"{count_text(n)} {reason}" for reason, n in run.left_out.items() if n) or None),
        ("seed", str(run.seed)),
        ("begun", None if run.started is None else _minute(run.started)),
        ("commit", commit),
        ("hardware", run.hardware),
    ]
    return [(name, value) for name, value in facts if value is not None]


def _minute(moment: str) -> str:
    """An ISO time without its seconds; as it is where it is none."""
    try:
        return f"{datetime.fromisoformat(moment).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return moment


def config_yaml(config: Mapping[str, object]) -> str:
    """The configuration as YAML, in its own order."""
    return yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True, width=100)
