"""Draws where the time of one list goes, stage by stage: python -m benchmarks.request_picture [FILE.svg].

The request is a real one, over HTTP, with the packaged LLM and reasons: the one of the median wall time of several.
"""

from __future__ import annotations

import argparse
import io
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.server import fill_sample, served

_GREY, _BLUE = "#808890", "#3b82c4"  # told apart from a white and from a black ground
_TARGET = Path("docs/images/request.svg")

Stages = list[tuple[str, float]]


def timed(client: httpx.Client, user_id: str) -> tuple[float, Stages]:
    """Wall time of a list in seconds, and of its stages; the service's own share stands last."""
    start = time.perf_counter()
    answer = client.post("/v1/recommend", json={"user_id": user_id, "n": 10, "explain": True, "domain": "films"})
    wall = time.perf_counter() - start
    stages = [(one["stage"], one["seconds"]) for one in answer.raise_for_status().json()["timings"]]
    return wall, [*stages, ("service, HTTP", wall - sum(seconds for _, seconds in stages))]


def draw(stages: Stages, title: str) -> str:
    """An SVG without ground, whose lines and words are readable on white and on black."""
    mpl.rcParams.update({"svg.hashsalt": "request", "font.size": 10})
    figure = Figure(figsize=(8, 2.9))
    axes = figure.add_axes((0.17, 0.2, 0.78, 0.66))
    begun, whole = 0.0, sum(seconds for _, seconds in stages)
    for row, (_, seconds) in enumerate(stages):
        axes.barh(row, seconds * 1000, left=begun * 1000, color=_BLUE, height=0.7)
        early = begun + seconds < 0.8 * whole
        axes.text(
            (begun + seconds if early else begun) * 1000,
            row,
            f" {seconds * 1000:,.1f} ms ",
            ha="left" if early else "right",
            va="center",
            fontsize=8,
            color=_GREY,
        )
        begun += seconds
    axes.set_yticks(range(len(stages)), [name for name, _ in stages])
    axes.invert_yaxis()
    axes.margins(y=0.12)
    axes.set_xlabel("ms since the request", color=_GREY)
    axes.set_title(title, fontsize=10, color=_GREY)
    axes.tick_params(colors=_GREY)
    for spine in axes.spines.values():
        spine.set_color(_GREY)
    written = io.StringIO()
    figure.savefig(written, format="svg", transparent=True, metadata={"Date": None})
    return written.getvalue()


def main(arguments: Sequence[str] | None = None) -> int:
    """Asks and draws."""
    parser = argparse.ArgumentParser(description="A picture of one request's time.")
    parser.add_argument("target", type=Path, nargs="?", default=_TARGET)
    parser.add_argument("--requests", type=int, default=9)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        users = [user_id for user_id in fill_sample(Path(name)) if user_id.startswith("viewer")]
        with served(Path(name), {}) as service, httpx.Client(base_url=service.url, timeout=60) as client:
            timed(client, users[-1])
            times = [timed(client, user_id) for user_id in users[: chosen.requests]]
    median = statistics.median_low(wall for wall, _ in times)
    stages = next(stages for wall, stages in times if wall == median)
    title = f"One list of ten films with reasons: {median * 1000:,.0f} ms (the median of {len(times)})"
    chosen.target.write_text(draw(stages, title), encoding="utf-8")
    print(title, *(f"{name} {seconds * 1000:.1f} ms" for name, seconds in stages), sep="\n  ")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
