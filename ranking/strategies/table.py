"""The tables of docs/strategies.md, made from the registry: what runs where, and what it costs.

`python -m ranking.strategies.table` writes them into the page.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from prompts.template import load_template
from prompts.types import PromptContext
from ranking.engines.scripted import ScriptedEngine
from ranking.settings import Settings
from ranking.strategies.config import StrategyName
from ranking.strategies.cost import Cost, cost_of
from ranking.strategies.registry import STRATEGIES, build_strategy
from ranking.types import Capability
from retrieval.types import Item, PastItem

START, END = "<!-- tables: start, written by python -m ranking.strategies.table -->", "<!-- tables: end -->"
PAGE = Path("docs/strategies.md")
COUNTS = (20, 100)


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """What an engine can do."""

    always: frozenset[Capability]
    maybe: frozenset[Capability]
    """What depends on the server or the model behind it, and is found out when the engine starts."""


ENGINES: Final[Mapping[str, Offer]] = MappingProxyType(
    {
        "transformers": Offer(always=frozenset({"labels", "likelihood", "generate"}), maybe=frozenset({"constrained"})),
        "openvino": Offer(always=frozenset({"labels", "likelihood", "generate"}), maybe=frozenset({"constrained"})),
        "vllm": Offer(always=frozenset({"labels", "generate"}), maybe=frozenset({"likelihood", "constrained"})),
        "vllm-offline": Offer(always=frozenset({"labels", "likelihood"}), maybe=frozenset()),
        "openai": Offer(always=frozenset({"generate"}), maybe=frozenset({"labels", "constrained"})),
        "langchain": Offer(always=frozenset({"generate"}), maybe=frozenset({"labels"})),
    }
)
"""By the engine's name in its info. Every engine's contract tests compare its capabilities with it."""


def tables() -> str:
    """Both tables in Markdown: strategies by engines, and costs."""
    return f"{_carried()}\n\n{_costs()}"


def written_into(page: str) -> str:
    """The page with the tables between its marks. Raises ValueError for a page without the marks."""
    before, found, rest = page.partition(START)
    _, ended, after = rest.partition(END)
    if not found or not ended:
        raise ValueError(f"the page must hold the lines {START!r} and {END!r}")
    return f"{before}{START}\n\n{tables()}\n\n{END}{after}"


def _carried() -> str:
    rows = []
    for entry in STRATEGIES.values():
        cells = [f"`{entry.name}`", entry.summary, f"`{entry.template}`", entry.needs]
        cells += [_mark(offer, entry.needs) for offer in ENGINES.values()]
        cells += ["yes" if entry.ordered else "no", "yes" if entry.windowed else "no"]
        rows.append(cells)
    engines = [f"`{name}`" for name in ENGINES]
    return _table(["strategy", "asks", "template", "needs", *engines, "several orders", "window"], rows)


def _mark(offer: Offer, needs: Capability) -> str:
    return "yes" if needs in offer.always else "if the server can" if needs in offer.maybe else "no"


def _costs() -> str:
    rows = []
    for name in STRATEGIES:
        costs = [_cost(name, n) for n in COUNTS]
        rows.append([f"`{name}`", *(cell for cost in costs for cell in _cells(cost))])
    head = ["strategy", *(f"{what}, {n}" for n in COUNTS for what in ("prompts", "questions", "rounds", "words read"))]
    return _table(head, rows)


def _cells(cost: Cost) -> list[str]:
    return [f"{value:,}" for value in (cost.model_calls, cost.questions, cost.rounds, cost.prompt_tokens)]


def _cost(name: StrategyName, n: int) -> Cost:
    """For n candidates and ten past items with titles of four words."""
    engine = ScriptedEngine(lambda _, __: 0.0, write=lambda _: "")
    settings = Settings.model_construct(strategy=name).model_copy(update={"strategy": name})
    template = load_template(STRATEGIES[name].template)
    return asyncio.run(cost_of(lambda counting: build_strategy(settings, counting, template), engine, _context(n)))


def _context(n: int) -> PromptContext:
    def film(number: int) -> Item:
        return Item(item_id=str(number), title=f"The Story of {number}", domain="films")

    past = tuple(PastItem(item=film(number), timestamp=float(number)) for number in range(10))
    return PromptContext(history=past, candidates=tuple(film(number) for number in range(100, 100 + n)))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    page = Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE
    page.write_text(written_into(page.read_text(encoding="utf-8")), encoding="utf-8")
