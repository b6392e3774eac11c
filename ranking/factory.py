"""Builds the parts from Settings and puts them together, in one place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from prompts.template import Template, list_templates, load_template
from ranking.engines.transformers import TransformersEngine
from ranking.errors import ConfigError
from ranking.protocol import Engine, Strategy
from ranking.recommender import Recommender
from ranking.settings import FusionWeights, Settings
from ranking.strategies.likelihood import Likelihood
from ranking.strategies.yes_no import YesNo
from ranking.tuning.adapter import read_adapter
from retrieval.embedder import SentenceEmbedder
from retrieval.examples import ExampleSelector
from retrieval.protocol import Progress
from retrieval.retriever import Retriever
from retrieval.store import Store, open_store

_DEFAULT_TEMPLATES = {"likelihood": "likelihood", "yes-no": "sequential"}


@contextmanager
def open_settings_store(settings: Settings) -> Iterator[Store]:
    """The record and the index that the settings name, closed afterwards."""
    embedder = SentenceEmbedder(settings.embedder.model, settings.embedder.batch_size)
    with open_store(
        home=settings.home, record_url=settings.record_url, index_url=settings.index.url, embedder=embedder
    ) as store:
        yield store


@contextmanager
def open_recommender(settings: Settings, progress: Progress | None = None) -> Iterator[Recommender]:
    """A Recommender over a store whose index has caught up with its record; everything is closed afterwards."""
    template = choose_template(settings)
    with open_settings_store(settings) as store:
        store.catch_up(progress)
        with closing(TransformersEngine(settings.model, settings.cache)) as engine:
            yield compose(settings, store, engine, template)


def compose(
    settings: Settings, store: Store, engine: Engine, template: Template, strategy: Strategy | None = None
) -> Recommender:
    """Puts a Recommender together from parts that are already there; without a strategy, the settings' one is built."""
    return Recommender(
        retriever=Retriever(store.record, store.index, store.embedder, settings.retrieval),
        examples=ExampleSelector(store.record, store.index, settings.examples),
        engine=engine,
        strategy=strategy or build_strategy(settings, engine, template),
        fusion=choose_fusion(settings),
        n_candidates=settings.retrieval.n_candidates,
        profile_names=frozenset(template.sections.profile.names if template.sections.profile else ()),
    )


def choose_fusion(settings: Settings) -> FusionWeights:
    """The settings' weights if they are not the default ones; else those fitted with the adapter, if there are any.

    Raises ModelError for a folder that holds no adapter.
    """
    if settings.model.adapter is None or settings.fusion != FusionWeights():
        return settings.fusion
    fitted = read_adapter(settings.model.adapter).manifest.fusion
    return settings.fusion if fitted is None else FusionWeights(**fitted)


def choose_template(settings: Settings) -> Template:
    """The named template, or the one that the adapter was tuned with, or the strategy's default one.

    Raises TemplateError for a name that does not exist, ModelError for a folder that holds no adapter.
    """
    name = (
        settings.prompt.template or _tuned_template(settings) or _DEFAULT_TEMPLATES[settings.strategy or "likelihood"]
    )
    return load_template(name, settings.prompt.language)


def _tuned_template(settings: Settings) -> str | None:
    """The shipped template of the adapter; its strategy's default one if it was tuned with a file of the user's own."""
    if settings.model.adapter is None:
        return None
    tuned = read_adapter(settings.model.adapter).manifest.tuned_prompts
    if settings.strategy not in {None, tuned.strategy}:
        return None
    shipped = {ref.name for ref in list_templates()}
    return tuned.template.name if tuned.template.name in shipped else _DEFAULT_TEMPLATES[tuned.strategy]


def build_strategy(settings: Settings, engine: Engine, template: Template) -> Strategy:
    """The strategy that the settings name or the template is made for. Raises ConfigError if these two disagree."""
    name = settings.strategy or template.kind
    if name not in _DEFAULT_TEMPLATES:
        raise ConfigError(f"template {template.name!r} asks for strategy {name!r}, which does not exist")
    if name == Likelihood.name:
        return Likelihood(engine, template, settings.prompt.max_tokens, settings.likelihood)
    return YesNo(engine, template, settings.prompt.max_tokens)
