"""What other domains teach for one that is held out: python -m benchmarks.domains --data-dir FOLDER.

One of games, films and industrial goods is held out at a time. From the untuned model, on so many examples of the
other two, an adapter is made in several ways; each is then the start for 0, 16 and 64 examples of the domain held out.
All are judged, the model alone, by NDCG@10 of the same lists of that domain, of users whom no test asks, beside the
embedding baseline. A run that was broken off goes on point by point.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks.reptile import reptile
from benchmarks.tuned import Workbench, difference, free_cases, markdown, ndcg, parts_alone, remembered
from evaluation.baselines.similarity import Embedding
from evaluation.run.questions import Asking, open_questions
from evaluation.statistics.error_bars import Values
from evaluation.tuning.config import ExampleConfig, Lesson, TuneConfig, TuneFile, load_tune_config
from evaluation.tuning.examples import as_examples
from evaluation.tuning.material import Material, as_evaluation
from ranking.settings import load_settings
from ranking.tuning.config import TuningSettings
from ranking.tuning.types import TuningExample

EMBEDDING = "embedding"
UNTUNED = "untuned"
MIXING = "mixing"
REPTILE = "reptile"
WAYS = (UNTUNED, MIXING, "mixing twice", REPTILE)
"""untuned: no other domain. mixing: all examples shuffled together, each seen once; twice: seen twice. reptile: as many
steps as mixing, each few of them on one domain."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One adapter, or the baseline, on the lists of the domain that was held out."""

    held_out: str
    way: str
    size: int
    """Examples of the domain held out."""
    seed: int
    ndcgs: tuple[float, ...]
    """NDCG@10 by list."""

    @property
    def key(self) -> tuple[str, str, int, int]:
        """What no two points share."""
        return self.held_out, self.way, self.size, self.seed


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """The lists of a domain, and how well the embedding orders them."""

    lists: tuple[TuningExample, ...]
    embedding: tuple[float, ...]


def lessons() -> dict[str, TuneFile]:
    """The shipped configurations of one domain each, with examples of one kind: random rivals."""
    goods = load_tune_config("films-and-goods")
    files = {
        "amazon-games": load_tune_config("amazon-games"),
        "ml-100k": load_tune_config("ml-100k"),
        "amazon-industrial": TuneFile(config=_of(goods.config, goods.config.more[0]), base=goods.base),
    }
    return {name: TuneFile(config=_of(file.config, file.config), base=file.base) for name, file in files.items()}


def _of(config: TuneConfig, lesson: Lesson) -> TuneConfig:
    same = {"examples": ExampleConfig(), "more": (), "tuning": TuningSettings()}
    own = {"data": lesson.data, "protocol": lesson.protocol, **same}
    return config.model_copy(update=own)


class Domains:
    """Makes the points and remembers them in the output folder."""

    def __init__(self, chosen: argparse.Namespace, files: dict[str, TuneFile], bench: Workbench) -> None:
        self._chosen, self._files, self._bench = chosen, files, bench
        self._output = chosen.output / f"n{chosen.n}-lists{chosen.lists}-inner{chosen.inner}"
        self._judged: dict[str, Judged] = {}
        self._starts: dict[tuple[str, str, int], Path | None] = {}

    def points(self, console: Console) -> list[Point]:
        """All of them, domain by domain; those that an earlier call made are read."""
        chosen = self._chosen
        plan = [
            key
            for held_out in chosen.held_out
            for key in (
                (held_out, EMBEDDING, 0, 0),
                *((held_out, way, size, seed) for seed in chosen.seeds for way in chosen.ways for size in chosen.sizes),
            )
        ]

        def tell(point: Point) -> None:
            held_out, way, size, seed = point.key
            console.print(f"{held_out}: {way}, {size} examples, seed {seed}: {100 * np.mean(point.ndcgs):.1f}")

        return remembered(
            self._output / "points.jsonl", Point, plan, lambda point: point.key, lambda key: self._point(*key), tell
        )

    def _point(self, held_out: str, way: str, size: int, seed: int) -> Point:
        judged, config = self._lists(held_out), self._files[held_out].config
        if way == EMBEDDING:
            ndcgs = judged.embedding
        else:
            if (made := (held_out, way, seed)) not in self._starts:
                self._starts[made] = self._start(*made)
            adapter = self._starts[made]
            if size:
                start, adapter = adapter, self._folder(held_out, way, seed) / f"own-{size}"
                material = self._material([held_out], size, seed)
                self._tune(config, material.examples, adapter, start, seed)
            ndcgs = tuple(self._bench.ndcgs(config, adapter, judged.lists))
        return Point(held_out=held_out, way=way, size=size, seed=seed, ndcgs=ndcgs)

    def _start(self, held_out: str, way: str, seed: int) -> Path | None:
        """The adapter that the other domains make."""
        folder, config = self._folder(held_out, way, seed), self._files[held_out].config
        others = [name for name in self._files if name != held_out]
        each = self._chosen.n // len(others)
        if way == UNTUNED:
            return None
        if way == REPTILE:
            apart = {name: self._material([name], each, seed).examples for name in others}
            return reptile(
                apart, self._chosen.inner * config.tuning.batch,
                lambda examples, to, start: self._tune(config, examples, to, start, seed), folder,
            )  # fmt: skip
        mixed = self._material(others, each, seed).examples
        self._tune(config, mixed, folder / "start", None, seed, epochs=2 if way == "mixing twice" else 1)
        return folder / "start"

    def _folder(self, held_out: str, way: str, seed: int) -> Path:
        return Path(self._output) / f"{held_out}-{way.replace(' ', '-')}-{seed}"

    def _tune(
        self,
        config: TuneConfig,
        examples: Sequence[TuningExample],
        folder: Path,
        start: Path | None,
        seed: int,
        epochs: int = 1,
    ) -> None:
        tuning = config.tuning.model_copy(update={"seed": seed, "epochs": epochs})
        self._bench.tune(config, tuning, examples, {}, folder, start)

    def _material(self, names: Sequence[str], each: int, seed: int) -> Material:
        lead, *more = (self._files[name] for name in names)
        examples = {"examples": lead.config.examples.model_copy(update={"n": each}), "validation": 0}
        rest = tuple(Lesson(data=file.config.data, protocol=file.config.protocol, **examples) for file in more)
        config = lead.config.model_copy(update={**examples, "more": rest, "seed": seed})
        return self._bench.material(TuneFile(config=config, base=lead.base), None)

    def _lists(self, name: str) -> Judged:
        if name not in self._judged:
            self._judged[name] = judge_embedding(self._files[name], self._bench, self._chosen.lists)
        return self._judged[name]


def judge_embedding(file: TuneFile, bench: Workbench, n: int) -> Judged:
    """At most n validation lists of users whom the test does not ask."""
    settings, wanted = bench.settings, file.config.model_copy(update={"validation": n})
    evaluation = as_evaluation(file, wanted)
    with open_questions(evaluation, settings, Asking(data_dir=bench.data_dir), embedder=bench.embedder) as questions:
        cases = free_cases(questions, n, file.config.seed)
        shown = file.config.shown(settings.examples)
        lists = tuple(as_examples(cases, questions.loaded.corpus.users, shown))
        scores = Embedding(questions.fitting().training, "max", None).score(cases)
    embedding = tuple(ndcg(example, found.tolist()) for example, found in zip(lists, scores, strict=True))
    return Judged(lists=lists, embedding=embedding)


def table(points: Sequence[Point]) -> str:
    """Markdown: NDCG@10 x 100 by domain, way and examples, and at 0 examples the paired differences."""
    sizes = sorted({point.size for point in points})
    ways = list(dict.fromkeys(point.way for point in points))
    heads = [
        "held out",
        "way",
        *(f"{size} examples" for size in sizes),
        f"minus {EMBEDDING}, at 0",
        f"minus {MIXING}, at 0",
    ]
    lines = [heads, ["---", "---", *["---:"] * (len(heads) - 2)]]
    for held_out in dict.fromkeys(point.held_out for point in points):
        own = {way: {size: _by_list(points, held_out, way, size) for size in sizes} for way in ways}
        n = len(next(point.ndcgs for point in points if point.held_out == held_out))
        for way in ways:
            means = ["–" if (found := own[way][size]) is None else f"{100 * found.mean():.1f}" for size in sizes]
            against = [difference(own[way].get(0), own.get(name, {}).get(0)) for name in (EMBEDDING, MIXING)]
            lines.append([f"{held_out}, n = {n}", way, *means, *against])
    return markdown(lines)


def _by_list(points: Sequence[Point], held_out: str, way: str, size: int) -> Values | None:
    """Each list's mean over the seeds."""
    found = [point.ndcgs for point in points if point.key[:3] == (held_out, way, size)]
    return np.mean(np.array(found), axis=0) if found else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Makes what is missing and prints the table."""
    files = lessons()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, help="folder with the data sets; else they are downloaded")
    parser.add_argument("--held-out", nargs="+", default=list(files), choices=list(files))
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS)
    parser.add_argument("--n", type=int, default=256, help="examples of the other domains, in all")
    parser.add_argument("--sizes", type=int, nargs="+", default=[0, 16, 64], help="examples of the domain held out")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--lists", type=int, default=200, help="lists that every adapter is judged by")
    parser.add_argument("--inner", type=int, default=4, help="steps of Reptile on one domain before it moves")
    parser.add_argument("--output", type=Path, default=Path("runs/domains"))
    chosen, console = parser.parse_args(arguments), Console(soft_wrap=True)
    bench = Workbench(load_settings(), parts_alone(), console, chosen.data_dir)
    console.print(table(Domains(chosen, files, bench).points(console)), markup=False, highlight=False)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
