"""What is remembered of earlier runs is taken for what the code at hand would do only if it is the same code."""

from __future__ import annotations

from pathlib import Path

from evaluation.run.questions import code_digest


def test_another_line_of_code_is_another_digest(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    module = tmp_path / "inner" / "sources.py"
    module.write_text("WEIGHT = 1\n", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("no code", encoding="utf-8")
    before = code_digest(tmp_path)
    (tmp_path / "notes.txt").write_text("still none", encoding="utf-8")
    assert code_digest(tmp_path) == before
    module.write_text("WEIGHT = 2\n", encoding="utf-8")
    changed = code_digest(tmp_path)
    module.rename(tmp_path / "sources.py")
    assert len({before, changed, code_digest(tmp_path)}) == 3
