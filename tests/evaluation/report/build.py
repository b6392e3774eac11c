"""Run folders made from thin air: realistic arms, cases and slices, no data set and no model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from evaluation.metrics.facts import Facts
from evaluation.metrics.registry import parse_metric
from evaluation.run.aggregates import write_aggregates
from evaluation.run.folder import Digests, RunFolder, Spec, digest_of
from evaluation.types import Contract, LlmTrace, Outcome, Ranked

ITEMS = tuple(f"item-{number:03d}" for number in range(120))
N_CANDIDATES = 20
METRICS = ("ndcg@1", "ndcg@5", "ndcg@10", "ndcg@20", "recall@10")


@dataclass(frozen=True, kw_only=True, slots=True)
class FakeArm:
    """An arm that finds the target the sooner the stronger it is."""

    name: str
    strength: float
    """Mean advantage of the target's score over the others', in standard deviations."""
    llm: bool = False
    seconds: float = 2e-5
    shift: float = 0.0
    """How much it likes what stands first."""
    popular: float = 0.0
    """How much it likes popular items."""
    lost: float = 0.0
    """Share of cases in which it falls back."""


ARMS = (
    FakeArm(name="random", strength=0.0),
    FakeArm(name="popularity", strength=0.85, popular=2.5),
    FakeArm(name="bm25", strength=0.5),
    FakeArm(name="embedding-mean", strength=0.85, seconds=4e-5),
    FakeArm(name="embedding-max", strength=0.95, seconds=6e-5),
    FakeArm(name="item-knn", strength=1.45, seconds=9e-5, popular=0.9),
    FakeArm(name="sasrec", strength=1.55, seconds=6e-4, popular=0.7),
    FakeArm(name="signals", strength=1.7, seconds=2e-4, popular=0.6),
    FakeArm(name="zero-shot[strategy=likelihood,shots=0]", strength=0.55, llm=True, seconds=0.31, shift=0.1),
    FakeArm(name="zero-shot[strategy=likelihood,shots=2]", strength=0.65, llm=True, seconds=0.52, shift=0.2),
    FakeArm(name="zero-shot[strategy=likelihood,shots=4]", strength=0.7, llm=True, seconds=0.74, shift=0.3),
    FakeArm(name="zero-shot[strategy=yes-no,shots=0]", strength=0.1, llm=True, seconds=0.33, shift=0.9, lost=0.03),
    FakeArm(name="tuned-fused", strength=1.95, llm=True, seconds=0.36, popular=0.4),
)


def outcomes(arm: FakeArm, n_cases: int, *, seed: int = 0, scenario: str = "full", noise: str = "") -> list[Outcome]:
    """The arm's answers; the cases are the same for every arm."""
    return [_outcome(arm, number, seed, scenario, noise) for number in range(n_cases)]


def _outcome(arm: FakeArm, number: int, seed: int, scenario: str, noise: str) -> Outcome:
    of_case = np.random.default_rng([seed, number])
    candidates = of_case.choice(len(ITEMS), N_CANDIDATES, replace=False)
    target = int(of_case.integers(N_CANDIDATES))
    hard = of_case.normal(0, 0.7)
    of_arm = np.random.default_rng([seed, number, *(arm.name + scenario + noise).encode()])
    scores = of_arm.normal(0, 1, N_CANDIDATES)
    scores -= arm.shift * np.arange(N_CANDIDATES) / N_CANDIDATES * 2
    scores += arm.popular * (1 - candidates / len(ITEMS))
    scores[target] += 0 if arm.strength == 0 else arm.strength + hard
    order = np.argsort(-scores, kind="stable")
    ids = [ITEMS[index] for index in candidates]
    tag = "target-head" if candidates[target] < 20 else "target-tail" if candidates[target] > 80 else "target-torso"
    lost = of_arm.random() < arm.lost
    return Outcome(
        arm=arm.name,
        case_id=f"case-{number:04d}",
        scenario=scenario,
        tags=(tag,),
        n_history=8,
        n_candidates=N_CANDIDATES,
        order=tuple(ids[index] for index in order),
        rank=int(np.flatnonzero(order == target)[0]) + 1,
        target=ids[target],
        target_position=target + 1,
        label=None,
        score=None,
        ranked=Ranked(
            scores=tuple(float(score) for score in scores),
            contract=Contract(missing=3 if lost else 0, repaired=3 if lost else 0, fell_back=bool(lost)),
            llm=_trace(scores) if arm.llm else None,
            seconds=arm.seconds * float(np.exp(of_arm.normal(0, 0.2))),
        ),
    )


def _trace(scores: Any) -> LlmTrace:
    return LlmTrace(
        prompt_digest="0123456789abcdef",
        raw=tuple((float(score),) for score in scores),
        llm_scores=tuple(float(score) for score in scores),
        prompt_tokens=412,
        parameters=134_515_008,
        history_shown=8,
        demonstrations_shown=2,
        dropped_history=0,
        dropped_demonstrations=0,
        model_calls=3,
        completion_tokens=17,
    )


def facts() -> Facts:
    counts = np.array([int(900 * math.exp(-number / 18)) for number in range(len(ITEMS))], dtype=np.int64)
    return Facts(item_ids=ITEMS, counts=counts)


def write_run(
    folder: Path,
    arms: Sequence[FakeArm] = ARMS,
    *,
    n_cases: int = 60,
    lines: Sequence[Outcome] | None = None,
    baseline: str | None = "embedding-max",
    metrics: Sequence[str] = METRICS,
    data: Mapping[str, Any] | None = None,
    digest: str = "amazon-games",
    examples: Sequence[Mapping[str, Any]] | None = None,
    scenarios: Sequence[str] = (),
    resamples: int = 200,
    noise: str = "",
    settings: Mapping[str, Any] | None = None,
) -> Path:
    """A finished run. `lines` replaces the journal that the arms would write."""
    found = [line for arm in arms for line in outcomes(arm, n_cases, noise=noise)] if lines is None else lines
    for scenario in scenarios:
        found = [*found, *(line for arm in arms for line in outcomes(arm, n_cases, scenario=scenario, noise=noise))]
    names = [arm.name for arm in arms]
    spec = Spec(
        name=folder.name,
        config={
            "name": folder.name,
            "protocol": {"kind": "sampled", "negatives": {"n": 19, "from": "llmrank"}},
            "seed": 7,
            "arms": {arm.name: {"kind": "llm" if arm.llm else arm.name.split("[", maxsplit=1)[0]} for arm in arms},
            **(settings or {}),
        },
        digests=Digests(
            data=digest_of(digest), cases=digest_of("cases"), arms={name: digest_of(name) for name in names}
        ),
        seeds={"run": 7},
        data=data or {"name": "amazon-games", "items": len(ITEMS), "known_interactions": 4073},
        versions={"fewrec": "0.1.0", "python": "3.11.2", "torch": "2.13.0"},
        source={"commit": "cbdd2821f0c9d1e2a3b4", "dirty": True},
        hardware={"platform": "Linux-6.1", "processor": "A quick one", "cores": 2, "memory_gib": 23.5},
    )
    with RunFolder(folder, spec) as run:
        run.journal.append(found)
        write_aggregates(
            run,
            arms=names,
            metrics=[parse_metric(name) for name in metrics],
            baseline=baseline,
            seed=7,
            facts=facts(),
            resamples=resamples,
        )
    if examples is not None:
        (folder / "examples.json").write_bytes(orjson.dumps(list(examples)))
    return folder


def example(arm: str, number: int, *, rank: int | None, baseline_rank: int | None, **changed: Any) -> dict[str, Any]:
    """A stored case with its prompt."""
    titles = [f"Game of the year {place}" for place in range(1, 21)]
    if rank is not None:
        titles[rank - 1] = f"Target game {number}"
    prompt = (
        "<|im_start|>user\nA customer bought these games, oldest first:\n- Halo 3\n- Gears of War\n- Mass Effect\n"
        f"Will they buy this item next? Answer Yes or No.\nItem: Target game {number}<|im_end|>\nAnswer:"
    )
    values = {
        "arm": arm, "case_id": f"case-{number:04d}", "prompt": prompt, "target_title": f"Target game {number}",
        "rank": rank, "baseline_rank": baseline_rank, "order_titles": titles,
    }  # fmt: skip
    return {**values, **changed}
