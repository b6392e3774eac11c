"""Engines whose prompts are noted down: nothing else of them changes."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from prompts.types import Dialogue, Dropped, Message, TemplateRef
from ranking.engines.scripted import ScriptedEngine
from ranking.protocol import Engine, Loaded
from ranking.settings import load_settings
from ranking.types import EngineLoad, GenerationLimits
from service.overheard import MOST_PROMPTS, ListeningEngine, listening, overhearing
from service.serving import open_serving
from tests.ranking.tiny_model import save_tiny_model


class LoadedEngine(ScriptedEngine):
    """FAKE engine that says how busy it is."""

    def load(self) -> EngineLoad:
        return EngineLoad(waiting=3, prefix_tokens=0, cached_tokens=0)


def scripted() -> ScriptedEngine:
    return ScriptedEngine(lambda _prompt, branch: float(len(branch)), write=lambda _: "written")


def dialogue(text: str) -> Dialogue:
    template = TemplateRef(name="t", version=1, language="en", digest="d")
    return Dialogue(messages=(Message(role="user", content=text),), answer="", template=template, dropped=Dropped())


def test_what_an_engine_can_do_stays() -> None:
    plain = scripted()
    with listening(nullcontext(plain)) as engine:
        assert (engine.info, engine.control_tokens) == (plain.info, plain.control_tokens)
        assert engine.count_tokens("one two") == plain.count_tokens("one two")
        assert not isinstance(engine, Loaded)
    loaded: Engine = LoadedEngine(lambda _prompt, _branch: 0.0)
    with listening(nullcontext(loaded)) as engine:
        assert isinstance(engine, Loaded)
        assert engine.load().waiting == 3


async def test_what_is_written_is_noted_too_and_no_more_than_is_kept() -> None:
    engine, limits = ListeningEngine(scripted()), GenerationLimits(max_tokens=5)
    with overhearing() as heard:
        await engine.generate([dialogue(str(n)) for n in range(MOST_PROMPTS - 1)], limits)
        await engine.generate([dialogue("a"), dialogue("b")], limits)
    assert [one.messages[0].content for one in heard.prompts[-2:]] == [str(MOST_PROMPTS - 2), "a"]
    await engine.generate([dialogue("outside of a request")], limits)
    assert len(heard.prompts) == MOST_PROMPTS


@pytest.mark.model
@pytest.mark.parametrize("keeps", [False, True])
def test_the_setting_makes_the_service_listen(tmp_path: Path, keeps: bool) -> None:
    tiny = save_tiny_model(tmp_path / "tiny")
    settings = load_settings(model={"name": str(tiny), "device": "cpu", "dtype": "float32"}, log={"prompts": keeps})
    with open_serving(settings) as serving:
        assert isinstance(serving.recommender.engine, ListeningEngine) is keeps
        assert isinstance(serving.recommender.engine, Loaded)
