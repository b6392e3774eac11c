"""Kills the real server while feedback is written: python -m tests.service.api.killing [TIMES] [WRITES]."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.service.api.shop import N_ITEMS, open_shop

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What was left after all the kills."""

    acknowledged: int
    lost: frozenset[str]
    """Acknowledged feedback that the record does not hold."""
    items: frozenset[str]
    """The user's history."""
    problem: str | None
    """What is wrong with the index after a start."""


@contextmanager
def served(home: Path) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.service.api.shop", str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment) as server:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
                yield server, client
        finally:
            server.kill()


def kill_while_writing(home: Path, kill_after: list[int], writes: int) -> Outcome:
    """One start for each entry of `kill_after`: so many writes are answered, then the server is killed amid the next.

    The signal goes out and the client writes on, until it is refused.
    """
    acknowledged: set[str] = set()
    for turn, after in enumerate(kill_after):
        with served(home) as (server, client):
            for n in range(writes):
                feedback_id = f"{turn}-{n}"
                body = {"user_id": "ann", "item_id": f"i{n % N_ITEMS}", "kind": "like", "feedback_id": feedback_id}
                try:
                    if client.post("/v1/feedback", json=body).status_code == 201:
                        acknowledged.add(feedback_id)
                except httpx.TransportError:
                    break
                if n == after:
                    server.send_signal(signal.SIGKILL)
    with open_shop(home) as serving:
        kept = {one.feedback_id for one in serving.store.record.feedback().of_user("ann")}
        return Outcome(
            acknowledged=len(acknowledged),
            lost=frozenset(acknowledged - kept),
            items=frozenset(past.item.item_id for past in serving.store.record.history("ann")),
            problem=serving.store.status().problem,
        )


def main() -> int:
    times, writes = (int(given) for given in (sys.argv[1:] + ["20", "1000"][len(sys.argv) - 1 :])[:2])
    draw = random.Random(0)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as home:
        kill_after = [draw.randrange(writes) for _ in range(times)]
        outcome = kill_while_writing(Path(home), kill_after, writes)
    seconds = time.perf_counter() - started
    lost, problem = len(outcome.lost), outcome.problem or "whole"
    sys.stdout.write(
        f"{times} kills, {outcome.acknowledged} acknowledged, {lost} lost, index {problem}, {seconds:.0f} s\n"
    )
    short = outcome.acknowledged < sum(kill_after) + times  # a server that stopped answering before it was killed
    return int(short or bool(outcome.lost) or outcome.problem is not None)


if __name__ == "__main__":
    sys.exit(main())
