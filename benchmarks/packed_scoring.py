"""Packed scoring against one candidate at a time and against a padded batch behind a reused prefix cache.

Same prompt, same scores (checked in float32 to 1e-4), times of one run taken in turns, so that what else the machine
does hits all alike. Run it alone: python -m benchmarks.packed_scoring
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs
import torch
from rich.console import Console
from rich.table import Table

from prompts.types import Dropped, Prompt, TemplateRef
from ranking.engines.attention import Packing, packed_attention
from ranking.engines.encoding import EncodedPrompt, PromptEncoder
from ranking.engines.packing import Piece, pack
from ranking.models import prepare
from ranking.models.pretrained import load_pretrained

_ADJECTIVES = ("Quiet", "Broken", "Golden", "Hidden", "Distant", "Burning", "Frozen", "Crooked", "Silver", "Hollow")
_NOUNS = ("Harbour", "Mirror", "Orchard", "Signal", "Bridge", "Lantern", "Empire", "Garden", "Station", "Voyage")
_TOLERANCE = 1e-4


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """One way to score all candidates, measured."""

    name: str
    seconds: tuple[float, ...]
    flops: int
    """Floating-point operations of its matrix products with weights."""
    difference: float
    """Largest difference of a score from one candidate at a time."""

    @property
    def median(self) -> float:
        """Median time of a run in seconds."""
        return statistics.median(self.seconds)


class Bench:
    """One model and one prompt, scored in three ways. Scores are logit(Yes) - logit(No), shape (candidates,)."""

    def __init__(self, cache: Path, dtype: torch.dtype, n_candidates: int, n_history: int) -> None:
        folder = prepare("smollm2-135m-instruct", cache)
        packed = load_pretrained(folder, device="cpu", dtype=dtype, attention=packed_attention)
        plain = load_pretrained(folder, device="cpu", dtype=dtype, attention=None)
        self.model, self.plain, self.dtype = packed.model, plain.model, dtype
        self.prompt: EncodedPrompt = PromptEncoder(packed.tokenizer, "default").encode(
            example_prompt(n_candidates, n_history)
        )
        assert self.prompt.labels is not None  # noqa: S101 - the example has labels
        head: torch.Tensor = packed.model.get_output_embeddings().weight
        self._margin = (head[self.prompt.labels[0]] - head[self.prompt.labels[1]]).float()
        self.weights = sum(
            parameter.numel() for name, parameter in packed.model.named_parameters() if name.endswith("proj.weight")
        )

    def packed(self) -> torch.Tensor:
        """All candidates in one sequence behind one prefix: what the engine does."""
        branches = tuple(branch.fed for branch in self.prompt.branches)
        packed = pack([Piece(prefix=self.prompt.prefix, cached=0, branches=branches)])
        hidden = self.model.base_model(
            input_ids=torch.from_numpy(packed.ids)[None],
            position_ids=torch.from_numpy(packed.positions)[None],
            attention_mask=torch.ones(1, 1, 1, 1, dtype=torch.bool),
            use_cache=False,
            packing=Packing(packed, [None]),
        ).last_hidden_state[0]
        span = packed.spans[0]
        lasts = [start + n - 1 for start, n in zip(span.branch_starts, span.branch_lengths, strict=True)]
        return self._score(hidden[lasts])

    def one_by_one(self) -> torch.Tensor:
        """Each candidate in a prompt of its own."""
        lasts = []
        for branch in self.prompt.branches:
            ids = torch.tensor([self.prompt.prefix + branch.fed])
            lasts.append(self.plain.base_model(input_ids=ids, use_cache=False).last_hidden_state[0, -1])
        return self._score(torch.stack(lasts))

    def padded_batch(self) -> torch.Tensor:
        """The prefix once into a key-value cache, repeated for a batch of candidates padded to the longest."""
        return self._score(last_states_padded(self.plain, self.prompt))

    def tokens(self, way: str) -> int:
        """Tokens that go through the layers."""
        lengths = [len(branch.fed) for branch in self.prompt.branches]
        prefix = len(self.prompt.prefix)
        if way == "one by one":
            return prefix * len(lengths) + sum(lengths)
        return prefix + (max(lengths) * len(lengths) if way == "padded batch" else sum(lengths))

    def _score(self, hidden: torch.Tensor) -> torch.Tensor:
        return hidden.float() @ self._margin


def example_prompt(n_candidates: int, n_history: int) -> Prompt:
    """A yes-or-no prompt about invented films."""

    def title(index: int) -> str:
        return f"The {_ADJECTIVES[index % 10]} {_NOUNS[index // 10 % 10]}" + " of Autumn" * (index % 3)

    history = "\n".join(f"- {title(index * 7)}" for index in range(n_history))
    return Prompt(
        messages=(),
        slot_role="user",
        before=f"A viewer watched these films, oldest first:\n{history}\n"
        "Will they watch this film next? Answer Yes or No.\nFilm:",
        branches=tuple(f" {title(index * 3 + 1)}" for index in range(n_candidates)),
        after="",
        answer="Answer:",
        labels=(" Yes", " No"),
        template=TemplateRef(name="benchmark", version=1, language="en", digest="0" * 12),
        dropped=Dropped(),
    )


def last_states_padded(model: Any, prompt: EncodedPrompt) -> torch.Tensor:
    """Last hidden state of each branch, shape (branches, width), by the library alone.

    The prefix goes once into a key-value cache, which is repeated for a batch of branches padded to the longest.
    """
    from transformers import DynamicCache

    states: Any = DynamicCache(config=model.config)
    model.base_model(input_ids=torch.tensor([prompt.prefix]), past_key_values=states, use_cache=True)
    states.batch_repeat_interleave(len(prompt.branches))
    lengths = torch.tensor([len(branch.fed) for branch in prompt.branches])
    longest = int(lengths.max())
    ids = torch.tensor([branch.fed + (0,) * (longest - len(branch.fed)) for branch in prompt.branches])
    real = torch.arange(longest)[None] < lengths[:, None]
    mask = torch.cat([torch.ones(len(ids), len(prompt.prefix), dtype=torch.bool), real], dim=1)
    hidden: torch.Tensor = model.base_model(
        input_ids=ids, attention_mask=mask.long(), past_key_values=states, use_cache=True
    ).last_hidden_state
    return hidden[torch.arange(len(ids)), lengths - 1]


def matmul_flops_per_second(
    dtype: torch.dtype, rows: int, weight: tuple[int, int] = (1536, 576), *, in_a_row: int = 30
) -> float:
    """Best of ten times so many products with a weight of shape (out, in); by default the model's largest."""
    left, right = torch.randn(rows, weight[1], dtype=dtype), torch.randn(weight, dtype=dtype)
    best = float("inf")
    for _ in range(10):
        start = time.perf_counter()
        for _ in range(in_a_row):
            torch.nn.functional.linear(left, right)
        best = min(best, time.perf_counter() - start)
    return in_a_row * 2 * rows * math.prod(weight) / best


def measure(bench: Bench, rounds: int) -> list[Way]:
    """Every way, `rounds` times in turns after one round to warm up."""
    ways: dict[str, Callable[[], torch.Tensor]] = {
        "one by one": bench.one_by_one,
        "padded batch": bench.padded_batch,
        "packed": bench.packed,
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    with torch.inference_mode():
        scores = {name: way() for name, way in ways.items()}
        for _ in range(rounds):
            for name, way in ways.items():
                start = time.perf_counter()
                way()
                seconds[name].append(time.perf_counter() - start)
    return [
        Way(
            name=name,
            seconds=tuple(seconds[name]),
            flops=2 * bench.weights * bench.tokens(name),
            difference=(scores[name] - scores["one by one"]).abs().max().item(),
        )
        for name in ways
    ]


def seconds_in_linear_layers(bench: Bench, rounds: int) -> float:
    """Median over rounds of what the products with weights take of a packed pass."""
    times: list[float] = []
    """When a layer begins and ends, in turns; linear layers hold no others."""

    def mark(*_: object) -> None:
        times.append(time.perf_counter())

    layers = [module for module in bench.model.base_model.modules() if isinstance(module, torch.nn.Linear)]
    hooks = [hook for one in layers for hook in (one.register_forward_pre_hook(mark), one.register_forward_hook(mark))]
    found = []
    with torch.inference_mode():
        for _ in range(rounds):
            times.clear()
            bench.packed()
            found.append(sum(times[1::2]) - sum(times[::2]))
    for hook in hooks:
        hook.remove()
    return statistics.median(found)


def report(bench: Bench, ways: Sequence[Way], peak: float, linear: float, console: Console) -> None:
    """Prints the table; linear is what the linear layers take of a packed pass, in seconds."""
    lengths = [len(branch.fed) for branch in bench.prompt.branches]
    table = Table(
        title=f"Packed scoring: {len(lengths)} candidates of {statistics.mean(lengths):.0f} tokens behind "
        f"{len(bench.prompt.prefix)}, {str(bench.dtype).removeprefix('torch.')}, {torch.get_num_threads()} threads"
    )
    for column in ("way", "median ms", "fastest ms", "tokens", "speed", "GFLOP/s", "of matmul", "difference"):
        table.add_column(column, justify="left" if column == "way" else "right")
    for way in ways:
        table.add_row(
            way.name,
            f"{way.median * 1000:,.0f}",
            f"{min(way.seconds) * 1000:,.0f}",
            f"{bench.tokens(way.name):,}",
            f"{ways[0].median / way.median:.1f} x",
            f"{way.flops / way.median / 1e9:,.0f}",
            f"{way.flops / way.median / peak:.0%}",
            f"{way.difference:.1e}",
        )
    console.print(table)
    console.print(f"Matrix product of the model's shape in this number format: {peak / 1e9:,.0f} GFLOP/s")
    packed = ways[-1]
    console.print(
        f"Packed, the linear layers take {linear * 1000:,.0f} ms and reach {packed.flops / linear / peak:.0%} of it; "
        f"one by one computes {bench.tokens('one by one') / bench.tokens('packed'):.1f} times as many tokens"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark; 1 if the scores of the ways differ in float32."""
    parser = argparse.ArgumentParser(description="Packed scoring against other ways to score the same candidates.")
    parser.add_argument("--candidates", type=int, default=20)
    parser.add_argument("--history", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--cache", type=Path, default=Path(platformdirs.user_cache_dir("fewrec")))
    chosen = parser.parse_args(arguments)
    dtype = getattr(torch, chosen.dtype)
    bench = Bench(chosen.cache, dtype, chosen.candidates, chosen.history)
    ways = measure(bench, chosen.rounds)
    console = Console(width=110)
    linear = seconds_in_linear_layers(bench, chosen.rounds)
    report(bench, ways, matmul_flops_per_second(dtype, bench.tokens("packed")), linear, console)
    worst = max(way.difference for way in ways)
    if dtype is torch.float32 and worst > _TOLERANCE:
        console.print(f"The scores differ by {worst:.1e}, more than {_TOLERANCE:.0e}.")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
