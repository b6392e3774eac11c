"""From a new process to its first recommendation, and what a warm one costs, on the bundled sample.

Run it alone: python -m benchmarks.first_recommendation
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console

_IN_A_NEW_PROCESS = """
import asyncio, statistics, sys, time
begun = time.perf_counter()
from pathlib import Path
from ranking.factory import open_recommender
from ranking.settings import load_settings
from retrieval.sample.catalogue import sample_interactions, sample_items, sample_users
from retrieval.types import Query
imported = time.perf_counter()
settings = load_settings(home=Path(sys.argv[1]))
if sys.argv[2] == "fill":
    from ranking.factory import open_settings_store
    with open_settings_store(settings) as store:
        store.record.put_items(sample_items())
        store.record.put_users(sample_users())
        store.record.put_interactions(sample_interactions())
        store.catch_up()
with open_recommender(settings) as recommender:
    opened = time.perf_counter()
    asyncio.run(recommender.recommend(Query(user_id="viewer-001", domain="films")))
    first = time.perf_counter()
    answers = []
    for number in range(2, 12):
        query = Query(user_id=f"viewer-{number:03d}", domain="films")
        asyncio.run(recommender.recommend(query))
        answers.append(asyncio.run(recommender.recommend(query)))
    stages = {stage.name: statistics.median(
        next(s.seconds for s in answer.stages if s.name == stage.name) for answer in answers
    ) for stage in answers[0].stages}
whole = sum(stages.values())
print(f"new process to first list: {first - begun:.1f} s (imports {imported - begun:.1f}, store and model "
      f"{opened - imported:.1f}, first list {first - opened:.1f})")
told = ", ".join(f"{name} {seconds * 1000:.0f}" for name, seconds in stages.items())
print(f"warm list of 20 candidates, median of {len(answers)}, ms: {told}; LLM share {stages['llm'] / whole:.0%}")
"""


def main() -> int:
    """Prints where the time goes; models are prepared and the sample imported beforehand, uncounted."""
    console = Console()
    with tempfile.TemporaryDirectory() as name:
        for step in ("fill", "measure"):
            command = [sys.executable, "-c", _IN_A_NEW_PROCESS, str(Path(name)), step]
            done = subprocess.run(command, check=False, capture_output=True, text=True)
            if done.returncode:
                console.print(done.stderr, markup=False)
                return 1
    console.print(done.stdout, end="", markup=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
