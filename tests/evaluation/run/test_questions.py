"""Lists that were served, and when those of an earlier run are taken for what the code at hand would serve."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType

from evaluation.protocols.protocol import Ask
from evaluation.protocols.retrieving import RetrieverCandidates
from evaluation.run.questions import Asking, code_digest, open_questions
from ranking.settings import load_settings
from retrieval.latent import latent_vectors
from tests.evaluation.run.test_assemble import write_files
from tests.fakes import HashingEmbedder


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


def test_lists_are_served_without_latent_factors_and_are_the_same(tmp_path: Path) -> None:
    called = Counter[CodeType]()

    def count(frame: FrameType, event: str, _: object) -> None:
        called[frame.f_code] += event == "call"

    with open_questions(write_files(tmp_path), load_settings(), Asking(), embedder=HashingEmbedder()) as questions:
        training, store = questions.fitting().training, questions.fitting_store()
        asks = [
            Ask(user_id=held.user_id, history=held.history, exclude=frozenset(), depth=25, as_of=as_of)
            for held in list(questions.split.validation)[:3]
            for as_of in (held.history[-1].timestamp + 0.5, None)
        ]
        measured = RetrieverCandidates(questions.retriever(store), training.user_ids, questions.as_of)
        served = questions.retrieve(training, store)
        lists = []
        for retrieve in (measured, served):
            called.clear()
            sys.setprofile(count)
            try:
                lists.append(([retrieve(ask) for ask in asks], called[latent_vectors.__code__] > 0))
            finally:
                sys.setprofile(None)
    assert lists == [(lists[0][0], True), (lists[0][0], False)]
