"""Both strategies on a scripted engine: what is asked, and what is made of the answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from prompts.template import load_template
from prompts.types import Prompt, PromptContext
from ranking.engines.scripted import ScriptedEngine
from ranking.errors import ConfigError
from ranking.settings import LikelihoodSettings
from ranking.strategies.likelihood import Likelihood
from ranking.strategies.yes_no import YesNo
from ranking.types import PromptScores
from retrieval.types import Item, PastItem


def _item(title: str) -> Item:
    return Item(item_id=title.lower(), title=title, domain="films")


def _context(*titles: str, history: tuple[str, ...] = ("Heat",)) -> PromptContext:
    past = tuple(PastItem(item=_item(title), timestamp=float(at)) for at, title in enumerate(history))
    return PromptContext(history=past, candidates=tuple(_item(title) for title in titles))


def _length(prompt: Prompt, branch: str) -> float:
    """Longer titles are likelier, and all the more so for somebody with a history."""
    return len(branch) * (2.0 if "Heat" in prompt.before + str(prompt.messages) else 0.5)


def _likelihood(engine: ScriptedEngine) -> Likelihood:
    pmi = LikelihoodSettings(prior_removed=1.0, per_token=False)
    return Likelihood(engine, load_template("likelihood", "en"), 512, pmi)


def test_yes_no_is_the_margin_of_the_labels() -> None:
    strategy = YesNo(ScriptedEngine(_length), load_template("sequential", "en"), 512)
    [verdict] = asyncio.run(strategy.score([_context("Up", "Alien")]))
    assert verdict.scores == (6.0, 12.0)
    assert verdict.template.name == "sequential"


def test_likelihood_is_relative_to_the_unconditional_one() -> None:
    [verdict] = asyncio.run(_likelihood(ScriptedEngine(_length)).score([_context("Up", "Alien")]))
    assert verdict.scores == (3 * 1.5, 6 * 1.5)
    assert verdict.model_calls == 2


@pytest.mark.parametrize(("removed", "up", "calls"), [(0.0, 3 * 2.0, 1), (0.5, 3 * 1.75, 2), (1.0, 3 * 1.5, 2)])
def test_as_much_of_the_titles_own_likelihood_is_taken_off_as_asked(removed: float, up: float, calls: int) -> None:
    settings = LikelihoodSettings(prior_removed=removed, per_token=False)
    strategy = Likelihood(ScriptedEngine(_length), load_template("likelihood", "en"), 512, settings)
    [verdict] = asyncio.run(strategy.score([_context("Up", "Alien")]))
    assert verdict.scores == (up, 2 * up)
    assert verdict.model_calls == calls


def test_what_was_read_without_the_user_is_counted_once() -> None:
    strategy = _likelihood(ScriptedEngine(_length))
    [first] = asyncio.run(strategy.score([_context("Up", "Alien")]))
    [again] = asyncio.run(strategy.score([_context("Up", "Alien")]))
    assert (first.model_calls, again.model_calls) == (2, 1)
    assert 1.3 * again.prompt_tokens < first.prompt_tokens < 2 * again.prompt_tokens


def test_a_long_title_is_not_punished_for_its_length() -> None:
    strategy = Likelihood(
        ScriptedEngine(lambda _, branch: -2.0 * len(branch.split())),
        load_template("likelihood", "en"),
        512,
        LikelihoodSettings(),
    )
    [verdict] = asyncio.run(strategy.score([_context("Up", "The Return of the King")]))
    assert verdict.scores == (-2.0, -2.0)


def test_unconditional_likelihoods_are_measured_once_per_title() -> None:
    engine = ScriptedEngine(_length)
    strategy = _likelihood(engine)
    asyncio.run(strategy.score([_context("Up", "Alien")]))
    engine.prompts.clear()
    [verdict] = asyncio.run(strategy.score([_context("Alien", "Up", "Jaws", history=("Heat", "Speed"))]))
    assert [prompt.branches for prompt in engine.prompts] == [(" Alien", " Up", " Jaws"), (" Jaws",)]
    assert verdict.scores == (6 * 1.5, 3 * 1.5, 5 * 1.5)


class BusyEngine(ScriptedEngine):
    """FAKE engine that lets another request in while it answers."""

    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def score(self, prompts: Sequence[Prompt]) -> list[PromptScores]:
        scores = await super().score(prompts)
        if (other := self.meanwhile) is not None:
            self.meanwhile = None
            await other()
        return scores


def test_what_another_request_pushes_out_of_memory_meanwhile_is_not_missed() -> None:
    engine = BusyEngine(_length)
    pmi = LikelihoodSettings(prior_removed=1.0, per_token=False)
    strategy = Likelihood(engine, load_template("likelihood", "en"), 512, pmi, remembered=2)
    asyncio.run(strategy.score([_context("Up", "Alien")]))
    engine.meanwhile = lambda: strategy.score([_context("Jaws", "Heat")])
    [verdict] = asyncio.run(strategy.score([_context("Up", "Alien")]))
    assert verdict.scores == (3 * 1.5, 6 * 1.5)


def test_a_batch_gives_what_single_calls_give() -> None:
    contexts = [_context("Up", "Alien"), _context("Jaws", history=("Speed",)), _context("Up", history=())]
    together = asyncio.run(_likelihood(ScriptedEngine(_length)).score(contexts))
    alone = [asyncio.run(_likelihood(ScriptedEngine(_length)).score([context]))[0] for context in contexts]
    assert [verdict.scores for verdict in together] == [verdict.scores for verdict in alone]


def test_the_same_title_twice_is_scored_twice() -> None:
    [verdict] = asyncio.run(_likelihood(ScriptedEngine(_length)).score([_context("Up", "Up")]))
    assert verdict.scores == (4.5, 4.5)


def test_a_template_of_another_kind_is_refused() -> None:
    engine = ScriptedEngine(_length)
    with pytest.raises(ConfigError, match="'sequential' is made for 'yes-no'"):
        Likelihood(engine, load_template("sequential", "en"), 512, LikelihoodSettings())
    with pytest.raises(ConfigError, match="'likelihood' is made for 'likelihood'"):
        YesNo(engine, load_template("likelihood", "en"), 512)
