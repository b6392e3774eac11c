"""`fewrec chat`: a conversation in the terminal, or one utterance a line through a pipe."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.text import Text

from service.cli import options
from service.cli.closest import naming_closest_users
from service.cli.context import Globals, Output, globals_of
from service.cli.options import ModelOptions

if TYPE_CHECKING:
    from ranking.settings import Settings
    from service.chat.recommender import ChatRecommender
    from service.chat.replies import ChatReply

_LONGEST_LINE = 1 << 16
"""Characters of a line that are kept: more than any turn may have, so that a longer one is refused."""
_LEAVE = frozenset({"exit", "quit", "bye", "再见", "退出"})
_HELLO = (
    "Say what you are looking for, in English or Chinese: “something like Alien but funnier, not horror, after 2000”. "
    "“Start over” forgets it, “exit” ends."
)


def chat(
    ctx: typer.Context,
    user: options.UserArgument = None,
    n: Annotated[int, typer.Option("-n", "--number", min=1, max=20, help="Items a reply, if you name no number.")] = 5,
    reader: Annotated[
        Literal["rules", "llm"],
        typer.Option(help="What reads your words; llm needs an engine that can be held to JSON."),
    ] = "rules",
    demo: Annotated[bool, typer.Option("--demo", help="Talk about the sample that `fewrec demo` imported.")] = False,
    scenario: options.ScenarioOption = None,
    output: options.OutputOption = Output.TABLE,
    model: options.Model = None,
    adapter: options.Adapter = None,
    engine: options.EngineOption = None,
    template: options.TemplateName = None,
    strategy: options.StrategyOption = None,
) -> None:
    """Talk about what you are looking for; every reply is a list from the catalogue, with measured reasons.

    Reads one utterance a line from standard input, and writes the replies to standard output.
    """
    from service.cli.demo_store import demo_settings

    given = globals_of(ctx)
    chosen = ModelOptions(
        model=model, adapter=adapter, engine=engine, template=template, strategy=strategy, scenario=scenario
    )
    settings = given.settings(**chosen.flags())
    settings = demo_settings(settings) if demo else settings
    with _opened(given, settings, reader) as recommender, naming_closest_users(settings, user):
        asyncio.run(converse(given, recommender, _utterances(given), user, n, output))


async def converse(
    given: Globals, chat_with: ChatRecommender, utterances: Iterator[str], user: str | None, n: int, output: Output
) -> None:
    """Answers utterance by utterance until they end or one says goodbye. A turn that cannot be read is told so."""
    from retrieval.errors import InputError
    from service.chat.types import Conversation

    state = Conversation()
    for utterance in utterances:
        if utterance.strip().casefold() in _LEAVE:
            break
        if not utterance.strip():
            continue
        try:
            reply = await chat_with.turn(state, utterance, user, n)
        except InputError as error:
            given.err.print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
            continue
        state = reply.state
        show(given, reply, output)


def show(given: Globals, reply: ChatReply, output: Output) -> None:
    """The reply as text, or as one line of JSON."""
    if output is Output.JSON:
        from service.chat.wire import ChatOut

        given.out.file.write(ChatOut.of(reply).model_dump_json() + "\n")
        given.out.file.flush()
        return
    for line in reply.text.splitlines():
        # Titles are untrusted: shown as text, never read as markup.
        style = "bold" if line == reply.question else ""
        given.out.print(Text(line, style=style), soft_wrap=True)
    given.out.print()


@contextmanager
def _opened(given: Globals, settings: Settings, reader: str) -> Iterator[ChatRecommender]:
    from ranking.factory import open_on, open_settings_store, served_settings
    from retrieval.catalogue import Catalogue
    from service.chat.llm import reader_for
    from service.chat.recommender import ChatRecommender
    from service.chat.vocabularies import Vocabularies
    from service.cli.models import make_packaged_ready
    from service.cli.progress import bars

    served = served_settings(settings)
    with bars(given.err) as progress:
        make_packaged_ready(served, progress)
        opened = open_settings_store(served)
        with opened as store:
            store.catch_up(progress)
            with open_on(store, served) as recommender:
                vocabularies = Vocabularies(Catalogue(store.record).items)
                yield ChatRecommender(
                    recommender=recommender,
                    record=store.record,
                    vocabularies=vocabularies,
                    reader=reader_for(recommender.engine, reader, vocabularies.rules),
                )


def _utterances(given: Globals) -> Iterator[str]:
    talking = sys.stdin.isatty()
    if talking:
        given.err.print(_HELLO, style="dim", highlight=False, markup=False)
    while True:
        if talking:
            given.err.print("> ", end="", style="bold")
        line = sys.stdin.readline(_LONGEST_LINE)
        if not line:
            return
        rest = line
        while rest and not rest.endswith("\n"):
            rest = sys.stdin.readline(_LONGEST_LINE)
        yield line.rstrip("\n")
