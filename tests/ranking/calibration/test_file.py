from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ranking.calibration.apply import calibrated
from ranking.calibration.file import FILE, Calibration, ModelKey, read_calibration, scores_digest, write_calibration
from ranking.errors import CalibrationError
from ranking.settings import FusionWeights, Settings
from ranking.types import Recommendation
from retrieval.types import Query, Retrieved
from tests.ranking.calibration.fitted import calibration, fitted
from tests.service.answers import full_answer


def told(answer: Recommendation, having: Calibration | None) -> float | None:
    return calibrated(answer, having).items[0].probability


def test_it_is_read_as_it_was_written_and_known_by_its_digest(tmp_path: Path) -> None:
    assert read_calibration(tmp_path) is None
    written = calibration()
    write_calibration(tmp_path, written)
    found = read_calibration(tmp_path)
    assert found is not None
    assert found.digest == written.computed()
    assert found.model_copy(update={"digest": ""}) == written


@pytest.mark.parametrize(("old", "new"), [('"base_rate": 0.05', '"base_rate": 0.5'), ("{", "")])
def test_a_file_that_was_changed_is_not_trusted(tmp_path: Path, old: str, new: str) -> None:
    path = write_calibration(tmp_path, calibration())
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(CalibrationError, match=rf"{FILE} cannot be used.*fewrec calibrate"):
        read_calibration(tmp_path)


def test_scores_of_other_settings_have_another_digest() -> None:
    settings, weights = Settings(), FusionWeights()
    same = scores_digest(settings, weights)
    assert scores_digest(settings.model_copy(update={"tuned": False}), weights) == same
    assert scores_digest(settings, FusionWeights(llm=9.0)) != same
    more = settings.retrieval.model_copy(update={"n_candidates": 21})
    assert scores_digest(settings.model_copy(update={"retrieval": more}), weights) != same


def test_probabilities_are_told_where_they_were_fitted_for_such_a_list() -> None:
    signals = replace(full_answer(), ranked_by="signals")
    assert told(signals, calibration()) == pytest.approx(0.32082, abs=1e-5)  # 1 / (1 + exp(2 - 1.25))
    for unlike in (
        replace(signals, n_history=0),
        replace(signals, n_candidates=21),
        replace(signals, rung="fewer"),
        replace(signals, ranked_by="retrieval"),
        replace(
            signals,
            retrieved=Retrieved(query=Query(text="jazz"), as_of=0.0, user=None, history=(), candidates=()),
        ),
    ):
        assert told(unlike, calibration()) is None
    assert told(signals, None) is None


def test_the_models_scores_ask_for_that_model() -> None:
    answer = full_answer()
    key = ModelKey.of(answer)
    assert key is not None
    assert told(answer, calibration()) is None, "its scores were not fitted"
    assert told(answer, calibration(llm=fitted(key))) is not None
    assert told(answer, calibration(llm=fitted(key.model_copy(update={"adapter": "other"})))) is None
    assert ModelKey.of(replace(answer, engine=None)) is None
