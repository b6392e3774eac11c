"""Simulated visitors of a service with an experiment: python -m benchmarks.experiment FOLDER --config FILE.

The bundled sample is imported into the folder without the last third of every simulated user's history. Then each of
them asks for lists and clicks what is in that last third, as somebody who knows what they want would. What the
experiment showed is told by `fewrec --home FOLDER --config FILE experiment report`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from ranking.errors import ConfigError
from retrieval.record import Record
from retrieval.sample.catalogue import sample_interactions, sample_items, sample_users
from retrieval.types import Interaction

_KEPT = 2 / 3
_WAIT_S = 300.0


def prepare(home: Path) -> dict[str, frozenset[str]]:
    """Imports the sample without the last third of every history; returns that third, by user."""
    known: list[Interaction] = []
    wanted: dict[str, frozenset[str]] = {}
    taken = sample_interactions()
    for user in sample_users():
        own = [one for one in taken if one.user_id == user.user_id]
        cut = round(len(own) * _KEPT)
        known += own[:cut]
        wanted[user.user_id] = frozenset(one.item_id for one in own[cut:])
    record = Record.open(str(home / "record.db"))
    try:
        record.put_items(sample_items())
        record.put_users(sample_users())
        record.put_interactions(known)
    finally:
        record.close()
    return wanted


@contextmanager
def served(home: Path, config: Path, port: int) -> Iterator[httpx.Client]:
    """A client of `fewrec serve`, once it is ready."""
    options = ["--home", str(home), "--config", str(config), "serve", "--port", str(port)]
    command = [sys.executable, "-c", "from service.cli.main import main; main()", *options]
    with subprocess.Popen(command) as process:
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:
                end = time.monotonic() + _WAIT_S
                while not _ready(client):
                    if process.poll() is not None or time.monotonic() > end:
                        raise ConfigError("the service did not start")
                    time.sleep(0.5)
                yield client
        finally:
            process.terminate()


def visit(client: httpx.Client, user_id: str, wanted: frozenset[str], n: int) -> dict[str, Any]:
    """One list, of which everything wanted is clicked."""
    answer = client.post("/v1/recommend", json={"user_id": user_id, "n": n}).raise_for_status().json()
    for item in answer["items"]:
        if item["item_id"] in wanted:
            body = {"user_id": user_id, "item_id": item["item_id"], "kind": "click", "request_id": answer["request_id"]}
            client.post("/v1/feedback", json=body).raise_for_status()
    told: dict[str, Any] = answer
    return told


def _ready(client: httpx.Client) -> bool:
    try:
        return client.get("/health/ready").status_code == 200
    except httpx.TransportError:
        return False


def main(arguments: Sequence[str] | None = None) -> int:
    """Visits the service."""
    parser = argparse.ArgumentParser(description="Simulated visitors of a service with an experiment.")
    parser.add_argument("folder", type=Path, help="home folder of the store to make; a new one")
    parser.add_argument("--config", type=Path, required=True, help="settings with the experiment")
    parser.add_argument("--users", type=int, default=120)
    parser.add_argument("-n", type=int, default=10, help="items of a list")
    parser.add_argument("--port", type=int, default=8123)
    chosen = parser.parse_args(arguments)
    visitors = sorted(prepare(chosen.folder).items())[: chosen.users]
    with served(chosen.folder, chosen.config, chosen.port) as client:
        for user_id, wanted in visitors:
            visit(client, user_id, wanted, chosen.n)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
