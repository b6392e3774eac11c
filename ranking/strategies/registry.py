"""Every strategy: its name, the template it is made for, what the engine must be able to do, and how it is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias

from prompts.sections import Kind
from prompts.template import Template
from ranking.errors import ConfigError
from ranking.protocol import Engine, Strategy
from ranking.settings import Settings
from ranking.strategies.choice import Choice, Rules
from ranking.strategies.config import StrategyName
from ranking.strategies.consistency import Consistent
from ranking.strategies.graded import Graded
from ranking.strategies.likelihood import Likelihood
from ranking.strategies.listwise import Listwise
from ranking.strategies.listwise_logits import logits_rules
from ranking.strategies.pairwise import ALL_PAIRS, BY_SORTING
from ranking.strategies.setwise import setwise_rules
from ranking.strategies.verdict import check_kind
from ranking.strategies.windows import Windowed
from ranking.strategies.yes_no import YesNo
from ranking.types import Capability

Build: TypeAlias = Callable[[Settings, Engine, Template], Strategy]


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One strategy."""

    name: StrategyName
    summary: str
    """What it asks the model, in a line."""
    kind: Kind
    """Of the templates it is made for."""
    template: str
    """The shipped one that is used where none is named."""
    needs: Capability
    """What the engine must be able to do."""
    build: Build
    """Knows nothing of several orders or of windows."""
    ordered: bool = False
    """It sees several candidates at once, so that their order can sway it: consistency.rounds can ask in several."""
    windowed: bool = False
    """It sees all candidates at once, a long list through a window."""


def build_strategy(settings: Settings, engine: Engine, template: Template) -> Strategy:
    """The strategy that the settings name or the template is made for, in as many orders as they ask for.

    Raises ConfigError if settings, template and engine do not go together.
    """
    entry = entry_of(settings, engine, template)
    strategy = entry.build(settings, engine, template)
    if settings.consistency.rounds > 1:
        if not entry.ordered:
            raise ConfigError(
                f"strategy {entry.name!r} is not swayed by the order of the candidates; set consistency.rounds to 1"
            )
        strategy = Consistent(strategy, settings.consistency)
    return Windowed(strategy, settings.windows) if entry.windowed else strategy


def entry_of(settings: Settings, engine: Engine, template: Template) -> Entry:
    """The entry of the strategy that the settings name or the template is made for. Raises ConfigError.

    That is for a template of another kind, and for an engine that lacks what the strategy needs.
    """
    entry = STRATEGIES[settings.strategy or strategy_of(template.kind)]
    check_kind(template, entry.kind, entry.name)
    if entry.needs not in engine.info.capabilities:
        able = ", ".join(other.name for other in STRATEGIES.values() if other.needs in engine.info.capabilities)
        raise ConfigError(
            f"strategy {entry.name} needs an engine with the capability {entry.needs!r}, which {engine.info.engine} "
            f"does not have; it can do {able or 'none'}"
        )
    return entry


def strategy_of(kind: Kind) -> StrategyName:
    """The strategy of a template where none is named: the first one made for its kind."""
    return next(entry.name for entry in STRATEGIES.values() if entry.kind == kind)


def _choice(rules: Callable[[Settings], Rules]) -> Build:
    return lambda settings, engine, template: Choice(engine, template, settings.prompt.max_tokens, rules(settings))


STRATEGIES: Final[Mapping[StrategyName, Entry]] = MappingProxyType({entry.name: entry for entry in (
    Entry(
        name="yes-no",
        summary="Will they choose this one? Yes or no, for each candidate",
        kind="yes-no",
        template="sequential",
        needs="labels",
        build=lambda settings, engine, template: YesNo(engine, template, settings.prompt.max_tokens, settings.yes_no),
    ),
    Entry(
        name="graded",
        summary="How likely is this one, from 1 to 5? For each candidate; the expected grade",
        kind="graded",
        template="graded",
        needs="labels",
        build=lambda settings, engine, template: Graded(engine, template, settings.prompt.max_tokens),
    ),
    Entry(
        name="likelihood",
        summary="How likely is this title as the answer? For each candidate, also relative to its own (PMI)",
        kind="likelihood",
        template="likelihood",
        needs="likelihood",
        build=lambda settings, engine, template: Likelihood(
            engine, template, settings.prompt.max_tokens, settings.likelihood
        ),
    ),
    Entry(
        name="listwise-logits",
        summary="Which of all these? One letter for each; the letters' probabilities",
        kind="choice",
        template="choice",
        needs="labels",
        build=_choice(lambda settings: logits_rules(settings.windows.size)),
        ordered=True,
        windowed=True,
    ),
    Entry(
        name="pairwise",
        summary="Which of these two? All pairs, in both orders",
        kind="choice",
        template="choice",
        needs="labels",
        build=_choice(lambda _: ALL_PAIRS),
    ),
    Entry(
        name="pairwise-sort",
        summary="Which of these two? The pairs of a sorting network, in both orders",
        kind="choice",
        template="choice",
        needs="labels",
        build=_choice(lambda _: BY_SORTING),
        ordered=True,
    ),
    Entry(
        name="setwise",
        summary="Which of these ten? A tournament for the best places",
        kind="choice",
        template="choice",
        needs="labels",
        build=_choice(lambda settings: setwise_rules(settings.setwise)),
        ordered=True,
    ),
    Entry(
        name="listwise",
        summary="Rank all of these: the model writes the order",
        kind="listwise",
        template="listwise",
        needs="generate",
        build=lambda settings, engine, template: Listwise(
            engine, template, settings.prompt.max_tokens, settings.listwise
        ),
        ordered=True,
        windowed=True,
    ),
)})  # fmt: skip
"""All strategies by name. A new one needs a line here, its name in StrategyName, and a template of its kind."""
