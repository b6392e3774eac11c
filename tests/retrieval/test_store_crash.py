"""kill -9 for real: a process that writes is killed, another one opens the store and finds nothing lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from retrieval.store import open_store
from tests.fakes import HashingEmbedder

_WRITER = """
import sys
from pathlib import Path
from retrieval.store import open_store
from retrieval.types import Interaction, Item, User
from tests.fakes import HashingEmbedder

store = open_store(home=Path(sys.argv[1]), record_url=None, index_url=None, embedder=HashingEmbedder())
def say(*words):
    print(*words, flush=True)
for part in range(1000):
    items = [Item(item_id=f"i{part}-{k}", title=f"film {part} {k}") for k in range(50)]
    store.record.put_items(items)
    store.record.put_users([User(user_id=f"u{part}")])
    store.record.put_interactions(
        [Interaction(user_id=f"u{part}", item_id=one.item_id, timestamp=float(k)) for k, one in enumerate(items)]
    )
    say("acknowledged", part)
    store.catch_up(lambda stage, done, total: say(stage, part))
"""


@pytest.mark.parametrize(
    "killed_at", ["acknowledged 0", "items 0", "interactions 1", "demonstrations 3", "acknowledged 6", "items 12"]
)
def test_nothing_acknowledged_is_lost(tmp_path: Path, killed_at: str) -> None:
    acknowledged = _run_until(killed_at, tmp_path)
    with open_store(home=tmp_path, record_url=None, index_url=None, embedder=HashingEmbedder()) as store:
        for part in range(acknowledged + 1):
            assert len(store.record.history(f"u{part}")) == 50
        store.catch_up()
        assert store.status().problem is None


def _run_until(line: str, home: Path) -> int:
    """Kill the writer right after it prints `line`; returns the last part it acknowledged."""
    acknowledged = -1
    command = [sys.executable, "-c", _WRITER, str(home)]
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root, env=environment) as writer:
        assert writer.stdout is not None
        for said in writer.stdout:
            if said.startswith("acknowledged"):
                acknowledged = int(said.split()[1])
            if said.strip() == line:
                break
        writer.send_signal(signal.SIGKILL)
    assert acknowledged >= 0
    return acknowledged
