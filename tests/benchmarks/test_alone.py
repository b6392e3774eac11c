"""Calls in processes of their own."""

from __future__ import annotations

import os

from benchmarks.alone import alone


def test_a_call_alone_is_made_in_another_process() -> None:
    assert alone(os.getpid)() != os.getpid()
    assert alone(os.path.join)("a", "b") == "a/b"
