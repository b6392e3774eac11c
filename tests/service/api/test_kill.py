"""kill -9 of the real server while feedback is written: what was acknowledged is there, and the index catches up."""

from __future__ import annotations

from pathlib import Path

from tests.service.api.killing import kill_while_writing
from tests.service.api.shop import N_ITEMS


def test_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    outcome = kill_while_writing(tmp_path, kill_after=[0, 20, 48], writes=50)
    assert outcome.acknowledged >= 1 + 21 + 49
    assert outcome.lost == frozenset()
    assert outcome.items == {f"i{n}" for n in range(N_ITEMS)}
    assert outcome.problem is None
