"""The files of the fast lane, without OpenVINO: whole or not there, and what was measured holds for one machine."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from ranking.errors import ModelError
from ranking.models.fast_lane import Measured, is_whole, machine, make_graph, read_measured, write_measured
from ranking.models.openvino import GRAPH


def write(folder: Path) -> None:
    (folder / GRAPH).write_text("<net/>", encoding="utf-8")
    (folder / "graph.bin").write_bytes(b"weights")


def measured(
    *, tau: float = 0.99, ndcg_change: float = 0.0, seconds: float = 0.2, torch_seconds: float = 0.4
) -> Measured:
    return Measured(
        cases=100,
        tau=tau,
        ndcg_change=ndcg_change,
        seconds=seconds,
        torch_seconds=torch_seconds,
        machine=machine(),
    )


def test_a_graph_is_made_once(tmp_path: Path) -> None:
    made: list[Path] = []

    def counted(folder: Path) -> None:
        made.append(folder)
        write(folder)

    for _ in range(2):
        make_graph(tmp_path / "graph", "tiny", counted)
    assert len(made) == 1
    assert is_whole(tmp_path / "graph")


@pytest.mark.parametrize("damage", [b"weight", b"Weights"], ids=["truncated", "changed"])
def test_a_damaged_graph_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    folder = tmp_path / "graph"
    make_graph(folder, "tiny", write)
    (folder / "graph.bin").write_bytes(damage)
    assert not is_whole(folder)
    make_graph(folder, "tiny", write)
    assert is_whole(folder)


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    def full(folder: Path) -> None:
        write(folder)
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ModelError, match=r"No space left.*FEWREC_CACHE"):
        make_graph(tmp_path / "graph", "tiny", full)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (measured(), None),
        (measured(tau=0.969), "tau 0.969"),
        (measured(ndcg_change=0.0031), "NDCG"),
        (measured(ndcg_change=-0.0031), "NDCG"),
        (measured(seconds=0.4), "400 ms where torch takes 400"),
    ],
)
def test_only_what_agrees_and_is_faster_may_be_chosen(found: Measured, why: str | None) -> None:
    assert (found.why_not is None) == (why is None)
    assert (why or "") in (found.why_not or "")


def test_what_was_measured_holds_for_this_machine_only(tmp_path: Path) -> None:
    assert read_measured(tmp_path) is None
    write_measured(tmp_path, measured())
    assert read_measured(tmp_path) == measured()
    write_measured(tmp_path, measured().model_copy(update={"machine": "another, 96 processors"}))
    assert read_measured(tmp_path) is None
    (tmp_path / "measured.json").write_text("{", encoding="utf-8")
    assert read_measured(tmp_path) is None
