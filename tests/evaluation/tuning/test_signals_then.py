"""What the signals of a past moment may know."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.run.questions import Asking, open_questions
from evaluation.tuning.negatives import Moment
from evaluation.tuning.signals import SignalsThen
from ranking.settings import FusionWeights, load_settings
from tests.evaluation.run.test_assemble import write_files
from tests.fakes import HashingEmbedder

DAY = 86_400

LATENT = FusionWeights(llm=0.0, similarity=0.0, cooccurrence=0.0, latent=1.0, popularity=0.0, query=0.0)


@pytest.mark.parametrize("dated", [False, True])
def test_latent_factors_speak_only_where_they_can_be_of_before_the_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dated: bool
) -> None:
    monkeypatch.setenv("FEWREC_CACHE", str(tmp_path / "cache"))
    file = write_files(tmp_path)
    if dated:
        path = tmp_path / "interactions.csv"
        head, *rows = path.read_text().split()
        late = [f"{pair},{100 * DAY + int(step)}" for pair, _, step in (row.rpartition(",") for row in rows)]
        path.write_text("\n".join([head, *late]))
    with open_questions(file, load_settings(), Asking(), embedder=HashingEmbedder()) as questions:
        [case, *_] = questions.fitting().cases
        held = questions.split.validation[0]
        moment = Moment(held=held, as_of=questions.as_of if dated else None)
        found = SignalsThen(questions).offsets(LATENT)(moment, [item.item_id for item in case.candidates])
    assert any(found) == dated
