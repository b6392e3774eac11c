"""kill -9 of the real server while feedback is written: what was acknowledged is there, and the index catches up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.service.api.shop import open_shop

ROOT = Path(__file__).parents[3]
WRITES = 50


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


def write_until_killed(home: Path, turn: int, killed_after: int) -> list[str]:
    """Ids of the feedback that was acknowledged."""
    acknowledged = []
    with served(home) as (server, client):
        for n in range(WRITES):
            body = {"user_id": "ann", "item_id": f"i{n % 8}", "kind": "like", "feedback_id": f"{turn}-{n}"}
            try:
                if client.post("/v1/feedback", json=body).status_code == 201:
                    acknowledged.append(f"{turn}-{n}")
            except httpx.TransportError:
                break
            if n == killed_after:
                server.send_signal(signal.SIGKILL)
    return acknowledged


@pytest.mark.parametrize("killed_after", [[0, 20, 48]], ids=["three times"])
def test_nothing_acknowledged_is_lost(tmp_path: Path, killed_after: list[int]) -> None:
    acknowledged = [
        feedback_id
        for turn, after in enumerate(killed_after)
        for feedback_id in write_until_killed(tmp_path, turn, after)
    ]
    assert len(acknowledged) >= sum(killed_after)
    with open_shop(tmp_path) as serving:
        kept = {one.feedback_id for one in serving.store.record.feedback().of_user("ann")}
        assert set(acknowledged) <= kept
        assert {past.item.item_id for past in serving.store.record.history("ann")} == {f"i{n}" for n in range(8)}
        assert serving.store.status().problem is None
