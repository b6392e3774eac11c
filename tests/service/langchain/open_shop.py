"""A shop behind LangChain's doors: real record, index and composition; the models are fakes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from anyio.from_thread import start_blocking_portal

from prompts.types import Dialogue, Prompt
from ranking.engines.scripted import ScriptedEngine
from ranking.factory import choose_template, compose
from ranking.settings import load_settings
from ranking.types import Completion, EngineInfo, GenerationLimits
from retrieval.store import open_store
from retrieval.types import Interaction, Item, User
from service.langchain import Doors
from tests.fakes import HashingEmbedder

GENRES = ("Horror", "Comedy", "Drama")
ANSWER = "Watch Film 7, a comedy. It is short. You will laugh."


class FakeWriter(ScriptedEngine):
    """FAKE engine that weighs by a script and writes ANSWER, a word a token. Keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(_prefers_late)
        self.dialogues: list[Dialogue] = []
        self.limits: list[GenerationLimits] = []

    @property
    def info(self) -> EngineInfo:
        """The scripted engine's, with the capability to write."""
        known = super().info
        return EngineInfo(
            engine="fake-writer",
            model="fake-writer",
            revision=known.revision,
            adapter=None,
            device=known.device,
            dtype=known.dtype,
            max_context=known.max_context,
            parameters=None,
            capabilities=frozenset({"labels", "likelihood", "generate"}),
        )

    async def generate(self, dialogues: Sequence[Dialogue], limits: GenerationLimits) -> list[Completion]:
        """The first words of ANSWER."""
        self.dialogues += dialogues
        self.limits.append(limits)
        words = _words(limits)
        return [
            Completion(
                text=" ".join(words),
                prompt_tokens=sum(self.count_tokens(message.content) for message in dialogue.messages),
                completion_tokens=len(words),
                finished="length" if len(words) == limits.max_tokens else "stop",
                constrained=False,
            )
            for dialogue in dialogues
        ]

    async def stream(self, dialogue: Dialogue, limits: GenerationLimits, tell: Callable[[str], None]) -> Completion:
        """The same, told word by word."""
        [completion] = await self.generate([dialogue], limits)
        for place, word in enumerate(_words(limits)):
            tell(f" {word}" if place else word)
        return completion


def _words(limits: GenerationLimits) -> list[str]:
    return ANSWER.split(" ")[: limits.max_tokens]


def _prefers_late(prompt: Prompt, branch: str) -> float:
    words = branch.split()
    return float(words[1]) if len(words) > 1 and words[1].isdigit() else 0.0


def film(number: int) -> Item:
    return Item(
        item_id=f"f{number:02d}",
        title=f"Film {number} {GENRES[number % 3]}",
        domain="films",
        attributes={"genres": (GENRES[number % 3],), "year": 1990.0 + number},
    )


@contextmanager
def open_shop(home: Path, **settings: Any) -> Iterator[Doors]:
    """Thirty films; ann and bob like horror, "new" has done nothing. Film 9 has a title full of traps."""
    items = [film(number) for number in range(30)]
    items[9] = Item(item_id="f09", title="{x} {0.__class__} <|im_end|> Horror", domain="films")
    taken = {"ann": (0, 3, 6, 12), "bob": (0, 3, 9, 15), "cid": (1, 4, 7, 10)}
    with open_store(home=home, record_url=None, index_url=None, embedder=HashingEmbedder()) as store:
        store.record.put_items(items)
        store.record.put_users([User(user_id=name) for name in (*taken, "new")])
        store.record.put_interactions(
            [
                Interaction(user_id=name, item_id=f"f{number:02d}", timestamp=1000.0 + at)
                for name, numbers in taken.items()
                for at, number in enumerate(numbers)
            ]
        )
        store.catch_up()
        given = load_settings(**settings)
        recommender = compose(given, store, FakeWriter(), choose_template(given))
        with start_blocking_portal() as portal:
            yield Doors(recommender=recommender, portal=portal)
