"""Builds the parts from Settings and puts them together, in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from functools import partial
from pathlib import Path

from prompts.template import Template, list_templates, load_template
from ranking.ads.auctioneer import Auctioneer
from ranking.ads.chances import Chances
from ranking.arrangement.arranger import Arranger
from ranking.audience import AudienceWording
from ranking.calibration.file import Calibration, read_calibration, scores_digest
from ranking.engine_settings import (
    OpenAISettings,
    OpenVinoSettings,
    TransformersSettings,
    VllmOfflineSettings,
    VllmSettings,
)
from ranking.engines.openvino import open_embedded, open_openvino
from ranking.errors import ConfigError
from ranking.ladder import Ladder
from ranking.protocol import Engine, Strategy
from ranking.recommender import Recommender
from ranking.registry import AdapterRegistry, Promotion
from ranking.settings import FusionWeights, ModelSettings, Settings
from ranking.shipped import SHIPPED_FOLDER
from ranking.strategies.question import first_question
from ranking.strategies.registry import STRATEGIES, build_strategy
from ranking.strategies.yes_no import YesNo
from ranking.tuning.adapter import read_adapter
from ranking.types import Recommendation
from retrieval.embedder import SentenceEmbedder
from retrieval.examples import ExampleSelector
from retrieval.protocol import Progress
from retrieval.retriever import Retriever
from retrieval.store import Store, open_store


@contextmanager
def open_settings_store(settings: Settings) -> Iterator[Store]:
    """The record and the index that the settings name, closed afterwards."""
    embedder = SentenceEmbedder(settings.embedder.model, settings.embedder.batch_size)
    with open_store(
        home=settings.home,
        record_url=settings.record_url,
        index_url=settings.index.url,
        embedder=embedder,
        quota=settings.quota,
    ) as store:
        yield store


@contextmanager
def open_recommender(settings: Settings, progress: Progress | None = None) -> Iterator[Recommender]:
    """A Recommender over a store whose index has caught up with its record; everything is closed afterwards.

    Where the settings name no adapter, the promoted one serves.
    """
    served = served_settings(settings)
    choose_template(served)  # what is wrong with it is told before anything that takes time
    with open_settings_store(served) as store:
        store.catch_up(progress)
        with open_on(store, served) as recommender:
            yield recommender


@contextmanager
def open_on(
    store: Store,
    settings: Settings,
    *,
    ladder: Ladder | None = None,
    watch: Callable[[Recommendation], None] | None = None,
) -> Iterator[Recommender]:
    """A Recommender with an engine of its own over a store that is open; engine and ladder are closed afterwards.

    Without a ladder what fails is raised, as commands and measurements need it.
    """
    template = choose_template(settings)
    with open_engine(settings) as engine, ladder or nullcontext():
        yield compose(settings, store, engine, template, ladder=ladder, watch=watch)


@contextmanager
def open_engine(settings: Settings) -> Iterator[Engine]:
    """The engine that the settings name, closed afterwards; heavy libraries are loaded for the one that needs them."""
    match settings.engine:
        case TransformersSettings():
            with closing(open_embedded(settings.model, settings.engine, settings.cache)) as engine:
                yield engine
        case OpenVinoSettings():
            with closing(open_openvino(settings.model, settings.engine, settings.cache)) as engine:
                yield engine
        case VllmSettings():
            from ranking.engines.vllm import VllmEngine

            with closing(VllmEngine(settings.model, settings.engine, settings.cache)) as server:
                yield server
        case VllmOfflineSettings():
            from ranking.engines.vllm_offline import VllmOfflineEngine

            with closing(VllmOfflineEngine(settings.model, settings.engine, settings.cache)) as offline:
                yield offline
        case OpenAISettings():
            from ranking.engines.openai import OpenAIEngine

            if settings.model.adapter is not None:
                raise ConfigError("an adapter cannot be given to the model of engine openai; leave model.adapter out")
            with closing(OpenAIEngine(settings.engine)) as engine:
                yield engine


def served_settings(settings: Settings) -> Settings:
    """The settings with the adapter that serves where they name none; raises PromotionError as its history does."""
    return as_promoted(settings, promotion_for(settings))


def promotion_for(settings: Settings) -> Promotion | None:
    """The promoted adapter that serves under these settings; None where they name one themselves or want none.

    An adapter serves only the model (setting model.name) that it was promoted for, and none of engine openai, whose
    model is somebody else's. Raises PromotionError.
    """
    if not _takes_adapters(settings):
        return None
    found = AdapterRegistry(settings.home).current()
    return found if found is not None and found.model == settings.model.name else None


def as_promoted(settings: Settings, promotion: Promotion | None) -> Settings:
    """The settings with this promotion's adapter; without one with the shipped adapter, if it is made for them."""
    folder = promotion.folder if promotion is not None else _shipped_for(settings)
    if folder is None:
        return settings
    return settings.model_copy(update={"model": settings.model.model_copy(update={"adapter": folder})})


def _takes_adapters(settings: Settings) -> bool:
    return settings.model.adapter is None and settings.tuned and not isinstance(settings.engine, OpenAISettings)


def _shipped_for(settings: Settings) -> Path | None:
    """The shipped adapter knows the packaged model and yes-or-no questions; whoever asks for others gets the model."""
    if not _takes_adapters(settings) or settings.model.name != ModelSettings().name:
        return None
    if settings.strategy is None and settings.prompt.template is not None:
        asks_yes_no = load_template(settings.prompt.template, settings.prompt.language).kind == YesNo.name
    else:
        asks_yes_no = settings.strategy in {None, YesNo.name}
    return SHIPPED_FOLDER if asks_yes_no else None


def compose(
    settings: Settings,
    store: Store,
    engine: Engine,
    template: Template,
    strategy: Strategy | None = None,
    *,
    ladder: Ladder | None = None,
    watch: Callable[[Recommendation], None] | None = None,
    retriever: Retriever | None = None,
    make: Callable[..., Recommender] = Recommender,
) -> Recommender:
    """Puts a Recommender together from parts that are already there; retriever and strategy are built where missing.

    `retriever` lends what it has read of the store. `make` takes what Recommender does.
    """
    weights = choose_fusion(settings)
    if retriever is None:
        retriever = Retriever(store.record, store.index, store.embedder, settings.retrieval)
    retriever = retriever.with_settings(settings.retrieval)
    if weights.latent:
        retriever.weigh_latent()
    arranged, calibration = settings.arrangement, calibration_for(settings, weights)
    return make(
        retriever=retriever,
        examples=ExampleSelector(store.record, store.index, settings.examples),
        engine=engine,
        strategy=strategy or build_strategy(settings, engine, template),
        fusion=weights,
        n_candidates=settings.retrieval.n_candidates,
        profile_names=frozenset(template.sections.profile.names if template.sections.profile else ()),
        question=partial(first_question, settings, engine, template),
        ladder=ladder,
        watch=watch,
        wording=AudienceWording(
            language=settings.prompt.language,
            max_tokens=settings.prompt.max_tokens,
            history_length=max(1, settings.examples.history_length),
        ),
        calibration=calibration,
        arranger=None if arranged.changes_nothing else Arranger(arranged, store, retriever),
        unseen=arranged.unseen,
        scenario=settings.scenario,
        auctioneer=auctioneer_for(settings, store, weights, calibration),
    )


def auctioneer_for(
    settings: Settings, store: Store, weights: FusionWeights, calibration: Calibration | None
) -> Auctioneer | None:
    """Who sells the paid places of these settings; None where they sell none."""
    if settings.ads is None:
        return None
    fitted = None if calibration is None else calibration.signals
    unseen = settings.arrangement.unseen
    return Auctioneer(
        settings.ads,
        store=store,
        calibration=calibration,
        chances=None if fitted is None else Chances(weights=weights, unseen=unseen, fitted=fitted),
        rules=settings.arrangement.rules,
    )


def calibration_for(settings: Settings, weights: FusionWeights) -> Calibration | None:
    """The store's probabilities, if they were fitted for scores of these settings. Raises CalibrationError."""
    found = read_calibration(settings.home)
    return found if found is not None and found.scores_digest == scores_digest(settings, weights) else None


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
    default = STRATEGIES[settings.strategy or "likelihood"].template
    return load_template(settings.prompt.template or _tuned_template(settings) or default, settings.prompt.language)


def _tuned_template(settings: Settings) -> str | None:
    """The shipped template of the adapter; its strategy's default one if it was tuned with a file of the user's own."""
    if settings.model.adapter is None:
        return None
    tuned = read_adapter(settings.model.adapter).manifest.tuned_prompts
    if settings.strategy not in {None, tuned.strategy}:
        return None
    shipped = {ref.name for ref in list_templates()}
    return tuned.template.name if tuned.template.name in shipped else STRATEGIES["yes-no"].template
