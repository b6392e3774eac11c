"""One recommendation with everything in it, for tests of how answers are shown."""

from __future__ import annotations

from prompts.types import Dropped, TemplateRef
from ranking.types import (
    BranchScore,
    EngineInfo,
    FusionPart,
    HistoryInfluence,
    RankedItem,
    Reason,
    Recommendation,
    Stage,
)
from retrieval.types import Item, Signals, User, Vote

TITLE = "[red]Alien[/] {x} <|im_start|>"


def ranked_item(*, explained: bool = True) -> RankedItem:
    reason = Reason(
        text="Because of Heat.",
        because=(HistoryInfluence(item_id="h", title="Heat", score_change=0.5),),
        shared=("genres: Crime",),
    )
    return RankedItem(
        item=Item(
            item_id="a", title=TITLE, domain="films", attributes={"year": 1979.0, "genres": ("Horror", "Sci-Fi")}
        ),
        rank=1,
        score=1.25,
        llm_score=-0.5,
        llm_branch=BranchScore(label_logits=None, text_logprob=-20.5, n_tokens=4),
        retrieval_rank=3,
        parts=(FusionPart(name="llm", value=-0.5, weight=1.0, contribution=1.25),),
        votes=(Vote(source="newest", rank=2, score=0.1),),
        signals=Signals(similarity_max=0.7, log_popularity=2.0),
        reason=reason if explained else None,
    )


def full_answer() -> Recommendation:
    return Recommendation(
        request_id="r-1",
        user=User(user_id="u"),
        items=(ranked_item(),),
        requested=2,
        ranked_by="llm",
        n_candidates=1,
        n_history=4,
        n_history_shown=3,
        n_demonstrations=0,
        engine=EngineInfo(
            engine="scripted",
            model="scripted",
            revision="0",
            adapter=None,
            device="cpu",
            dtype="float32",
            max_context=512,
            parameters=1_000,
        ),
        strategy="likelihood",
        template=TemplateRef(name="likelihood", version=1, language="en", digest="abc"),
        prompt_digest="0123456789abcdef",
        dropped=Dropped(history=1),
        prompt_tokens=100,
        model_calls=1,
        notes=("1 of the 2 items asked for.",),
        stages=(Stage(name="retrieval", seconds=0.01), Stage(name="llm", seconds=0.5)),
    )


def bare_answer() -> Recommendation:
    return Recommendation(
        request_id="r-2",
        user=None,
        items=(),
        requested=1,
        ranked_by="retrieval",
        n_candidates=0,
        n_history=0,
        n_history_shown=0,
        n_demonstrations=0,
        engine=None,
        strategy=None,
        template=None,
        prompt_digest=None,
        dropped=Dropped(),
        prompt_tokens=0,
        model_calls=0,
        notes=(),
        stages=(),
    )
