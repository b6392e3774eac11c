"""Options that several commands share, each described once, and the query and settings they make."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from retrieval.conditions import FILTER_HELP, parse_filter
from retrieval.errors import InputError
from retrieval.types import Query
from service.cli.context import Output


class Strategy(StrEnum):
    """How the model ranks."""

    YES_NO = "yes-no"
    GRADED = "graded"
    LIKELIHOOD = "likelihood"
    LISTWISE_LOGITS = "listwise-logits"
    PAIRWISE = "pairwise"
    PAIRWISE_SORT = "pairwise-sort"
    SETWISE = "setwise"
    LISTWISE = "listwise"


class EngineKind(StrEnum):
    """What runs the model."""

    TRANSFORMERS = "transformers"
    OPENVINO = "openvino"
    VLLM = "vllm"
    OPENAI = "openai"
    VLLM_OFFLINE = "vllm-offline"


class Language(StrEnum):
    """Language of the prompt."""

    EN = "en"
    ZH = "zh"


_ASK, _MODEL = "What to ask for", "How the model ranks"

UserArgument = Annotated[str | None, typer.Argument(metavar="USER", help="User id; leave it out for a stranger.")]
Number = Annotated[int, typer.Option("-n", "--number", min=1, help="How many items.", rich_help_panel=_ASK)]
Text = Annotated[
    str | None, typer.Option("--query", "-q", help="What is wanted, in words.", rich_help_panel=_ASK, metavar="TEXT")
]
Filters = Annotated[
    list[str] | None, typer.Option("--filter", "-f", help=FILTER_HELP, rich_help_panel=_ASK, metavar="CONDITION")
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(help="Id of an item to leave out, repeatable.", rich_help_panel=_ASK, metavar="ITEM"),
]
Domain = Annotated[str | None, typer.Option(help="Only items of this domain.", rich_help_panel=_ASK)]
ScenarioOption = Annotated[
    str | None,
    typer.Option("--scenario", help="A kind of list, see `fewrec scenario list`.", rich_help_panel=_ASK),
]
Model = Annotated[
    str | None,
    typer.Option(
        help="A packaged model, a folder, or a Hugging Face id (after `fewrec models prepare ID`).",
        rich_help_panel=_MODEL,
    ),
]
EngineOption = Annotated[
    EngineKind | None,
    typer.Option(
        "--engine", help="What runs the model; where its server is, the settings say.", rich_help_panel=_MODEL
    ),
]
Adapter = Annotated[Path | None, typer.Option(help="Folder of a tuned adapter.", rich_help_panel=_MODEL)]
TemplateName = Annotated[
    str | None, typer.Option("--template", help="See `fewrec prompt list`.", rich_help_panel=_MODEL)
]
LanguageOption = Annotated[Language | None, typer.Option("--language", help="Of the prompt.", rich_help_panel=_MODEL)]
StrategyOption = Annotated[Strategy | None, typer.Option("--strategy", rich_help_panel=_MODEL, help="Way of asking.")]
Shots = Annotated[
    int | None, typer.Option(min=0, max=16, help="Demonstrations of similar users.", rich_help_panel=_MODEL)
]
HistoryLength = Annotated[
    int | None,
    typer.Option("--history", min=0, max=200, help="Past items shown to the model.", rich_help_panel=_MODEL),
]
Candidates = Annotated[
    int | None,
    typer.Option("--candidates", min=1, max=1000, help="Items the model ranks.", rich_help_panel=_MODEL),
]
Explain = Annotated[
    bool, typer.Option("--explain", help="Say why, by leaving past items out and asking again.", rich_help_panel=_ASK)
]
OutputOption = Annotated[Output, typer.Option("--output", "-o", help="A table for people, JSON for programs.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelOptions:
    """The options of a command that runs the model; None leaves a setting as it is."""

    model: str | None = None
    adapter: Path | None = None
    template: str | None = None
    language: Language | None = None
    strategy: Strategy | None = None
    shots: int | None = None
    history: int | None = None
    candidates: int | None = None
    engine: EngineKind | None = None
    scenario: str | None = None

    def flags(self) -> dict[str, Any]:
        """As nested settings, to lie over the settings file."""
        return {
            "model": {"name": self.model, "adapter": self.adapter},
            "prompt": {"template": self.template, "language": self.language and self.language.value},
            "engine": {"kind": self.engine and self.engine.value},
            "strategy": self.strategy and self.strategy.value,
            "examples": {"shots": self.shots, "history_length": self.history},
            "retrieval": {"n_candidates": self.candidates},
            "scenario": self.scenario,
        }


def build_query(
    user: str | None, text: str | None, filters: list[str] | None, exclude: list[str] | None, domain: str | None
) -> Query:
    """The query that the options ask for. Raises InputError for a filter or a domain that says nothing."""
    if domain == "":
        raise InputError("--domain names no domain: name one, or leave it out")
    return Query(
        user_id=user,
        text=text,
        filters=tuple(parse_filter(condition) for condition in filters or ()),
        exclude=frozenset(exclude or ()),
        domain=domain,
    )
