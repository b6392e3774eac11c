"""The real service in a process of its own, over the bundled sample, for benchmarks that ask it as a client does."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from ranking.factory import open_settings_store
from ranking.settings import load_settings
from retrieval.sample.catalogue import sample_interactions, sample_items, sample_users

ROOT = Path(__file__).parents[1]
SIGNALS_ONLY = {"FEWREC_FUSION__LLM": "0"}
"""Environment under which the LLM is not asked."""
_SERVE = (sys.executable, "-c", "from service.cli.main import main; main()", "serve")
_READY_S = 180.0
_STOP_S = 60.0
_LOOK_S = 0.02


@dataclass(frozen=True, kw_only=True, slots=True)
class Served:
    """A service that is ready."""

    url: str
    process: subprocess.Popen[bytes]
    ready_s: float
    """Seconds from the start of the process until /health/ready answered 200."""

    def resident_mib(self) -> float:
        """Memory of the process in main memory."""
        return float(psutil.Process(self.process.pid).memory_info().rss) / 2**20


def fill_sample(home: Path) -> list[str]:
    """Puts the bundled sample into a store, with its index; gives the ids of its users."""
    users = sample_users()
    with open_settings_store(load_settings(home=home)) as store:
        store.record.put_items(sample_items())
        store.record.put_users(users)
        store.record.put_interactions(sample_interactions())
        store.catch_up()
    return [user.user_id for user in users]


@contextmanager
def served(home: Path, environment: Mapping[str, str], *command: str) -> Iterator[Served]:
    """`fewrec serve` over a store, or another command that takes --port; ended afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    started = time.perf_counter()
    process = subprocess.Popen(
        [*(command or _SERVE), "--port", str(port)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "FEWREC_HOME": str(home), **environment},
        cwd=ROOT,
        stderr=subprocess.DEVNULL,  # a line a request, or several
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(url, process)
        yield Served(url=url, process=process, ready_s=time.perf_counter() - started)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _READY_S
    with httpx.Client(base_url=url, timeout=10) as client:
        while time.monotonic() < until:
            if (code := process.poll()) is not None:
                raise RuntimeError(f"the service ended with code {code} before it was ready")
            try:
                if client.get("/health/ready").status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            time.sleep(_LOOK_S)
    raise RuntimeError(f"the service was not ready after {_READY_S:.0f} s")
