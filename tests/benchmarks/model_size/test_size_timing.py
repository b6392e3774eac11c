"""Models in processes of their own, timed in turns."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from benchmarks.model_size.timing import Loaded, LoadedRanker, in_own_process
from ranking.settings import ModelSettings
from tests.ranking.tiny_model import save_tiny_model
from tests.ranking.tuning.lists import MAX_TOKENS, example, tune_tiny


def test_a_cut_model_in_a_process_of_its_own_tells_what_it_holds_and_takes(tmp_path: Path) -> None:
    tiny = save_tiny_model(tmp_path / "tiny")
    tune_tiny(tiny, tmp_path / "cut", layers=1, steps=1, validation=[])

    def loaded(adapter: Path | None) -> Loaded:
        model = ModelSettings(name=str(tiny), device="cpu", dtype="bfloat16", threads=1, adapter=adapter)
        return Loaded(model=model, template="sequential", language="en", cache=tmp_path, max_tokens=MAX_TOKENS)

    with closing(LoadedRanker(loaded(None))) as whole, in_own_process(loaded(tmp_path / "cut")) as cut:
        assert cut.weights().parameters < whole.weights().parameters
        assert cut.weights().megabytes == cut.weights().parameters * 2 / 1e6
        assert 0 < cut.seconds(example(1).context) < 60
