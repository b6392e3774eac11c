from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from ranking.engine_settings import VllmSettings
from ranking.settings import load_settings
from retrieval.errors import InputError, StoreBusyError
from retrieval.types import Query
from service.batch.batch import planned
from service.batch.work import Work
from service.cli.batch import settings_for_batch
from service.cli.context import Globals
from service.cli.options import ModelOptions
from tests.ranking.made_adapter import make_adapter
from tests.service.api.shop import recommender_of
from tests.service.batch.shop_batch import AS_OF, N_USERS, fill, opened, request_of, run

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    with opened(folder) as store:
        fill(store)
    return folder


@pytest.fixture
def users(tmp_path: Path) -> Path:
    path = tmp_path / "users.txt"
    path.write_text("".join(f"u{n:03d}\n" for n in range(N_USERS)))
    return path


@pytest.fixture(scope="module")
def whole(home: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The output of a run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    listed = folder / "users.csv"
    listed.write_text("user_id,plan\n" + "".join(f"u{n:03d},free\n" for n in range(N_USERS)))
    run(home, request_of(listed, folder / "lists.parquet"))
    return (folder / "lists.parquet").read_bytes()


def test_every_user_has_the_list_that_recommend_gives(home: Path, whole: bytes) -> None:
    rows = pq.read_table(pa.BufferReader(whole)).to_pylist()
    assert [(row["user_id"], row["rank"]) for row in rows] == [
        (f"u{n:03d}", rank) for n in range(N_USERS) for rank in range(1, 6)
    ]
    assert {row["as_of"].timestamp() for row in rows} == {AS_OF}
    with opened(home) as store:
        recommender = recommender_of(store)
        for n in (0, 63, 159):
            answer = asyncio.run(recommender.recommend(Query(user_id=f"u{n:03d}", as_of=AS_OF), 5))
            mine = [row for row in rows if row["user_id"] == f"u{n:03d}"]
            assert [row["item_id"] for row in mine] == [entry.item.item_id for entry in answer.items]
            assert [row["score"] for row in mine] == [entry.score for entry in answer.items]
            assert {row["ranked_by"] for row in mine} == {answer.ranked_by}


def test_killed_and_started_again_it_writes_the_same_bytes(
    home: Path, users: Path, tmp_path: Path, whole: bytes
) -> None:
    output = tmp_path / "lists.parquet"
    command = [sys.executable, "-m", "tests.service.batch.shop_batch", str(home), str(users), str(output), "64"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == -9, done.stderr
    assert not output.exists()
    with Work(output) as work:
        plan = work.plan()
        assert plan is not None
        assert 0 < len(work.pending(plan)) < plan.n_parts
    heard: list[int] = []
    run(home, request_of(users, output), heard.append)
    assert heard[0] >= 64, "what was done is not done again"
    assert output.read_bytes() == whole
    assert not (tmp_path / "lists.parquet.work").exists()


def test_a_part_is_as_it_would_be_in_any_order(home: Path, users: Path, tmp_path: Path, whole: bytes) -> None:
    def stop(done: int) -> None:
        if done >= 128:
            raise InputError("stopped")

    output = tmp_path / "lists.parquet"
    with pytest.raises(InputError, match="stopped"):
        run(home, request_of(users, output), stop)
    (tmp_path / "lists.parquet.work" / "part-00000000.parquet").unlink()  # as if the second had been ready first
    run(home, request_of(users, output))
    assert output.read_bytes() == whole


def test_whom_it_cannot_serve_is_told(home: Path, tmp_path: Path) -> None:
    listed = tmp_path / "users.jsonl"
    listed.write_text('{"user_id": "u001"}\n{"user_id": "nobody"}\n{"user_id": "u001"}\nnonsense\n{"user_id": ""}\n')
    outcome = run(home, request_of(listed, tmp_path / "o.parquet"))
    assert (outcome.users, outcome.rows, outcome.rejected) == (1, 5, 4)
    assert outcome.rejects is not None
    told = [json.loads(line) for line in outcome.rejects.read_text().splitlines()]
    assert [(one["line"], one["reason"].split(":")[0]) for one in told] == [
        (2, "unknown user"),
        (3, "listed before"),
        (4, "not valid JSON"),
        (5, "no user_id"),
    ]


@pytest.mark.parametrize("content", ["nobody\n", "\n"])
def test_nobody_to_serve_is_an_error(home: Path, tmp_path: Path, content: str) -> None:
    listed = tmp_path / "users.txt"
    listed.write_text(content)
    with pytest.raises(InputError):
        run(home, request_of(listed, tmp_path / "o.parquet"))
    assert not (tmp_path / "o.parquet").exists()


def test_an_output_that_exists_is_replaced_only_if_told(home: Path, users: Path, tmp_path: Path, whole: bytes) -> None:
    output = tmp_path / "lists.parquet"
    output.write_text("precious")
    with pytest.raises(InputError, match="--overwrite"):
        run(home, request_of(users, output))
    assert output.read_text() == "precious"
    run(home, request_of(users, output, overwrite=True))
    assert output.read_bytes() == whole


def test_with_other_values_it_does_not_go_on(home: Path, users: Path, tmp_path: Path) -> None:
    output = tmp_path / "lists.parquet"

    def stop(done: int) -> None:
        if done:
            raise InputError("stopped")

    with pytest.raises(InputError, match="stopped"):
        run(home, request_of(users, output), stop)
    with pytest.raises(InputError, match="other wishes"):
        run(home, request_of(users, output, n=6))
    users.write_text("u001\n")
    with pytest.raises(InputError, match="other users"):
        run(home, request_of(users, output))
    assert run(home, request_of(users, output, overwrite=True)).users == 1


def test_the_same_weights_with_other_fusion_weights_are_another_model(home: Path, users: Path, tmp_path: Path) -> None:
    request = request_of(users, tmp_path / "lists.parquet")
    with Work(request.output) as work, opened(home) as store:
        settings = load_settings(model={"adapter": str(make_adapter(tmp_path / "films", fusion={"llm": 0.5}).folder)})
        planned(work, request, settings, store.record)
        make_adapter(tmp_path / "films", fusion={"llm": 0.4})
        with pytest.raises(InputError, match="other model"):
            planned(work, request, settings, store.record)


def test_two_at_once_are_refused(users: Path, tmp_path: Path) -> None:
    with Work(tmp_path / "o.parquet"), pytest.raises(StoreBusyError, match="working in"):
        Work(tmp_path / "o.parquet")


def test_two_processes_of_a_ray_cluster_write_the_same_though_one_dies(
    home: Path, users: Path, tmp_path: Path, whole: bytes
) -> None:
    pytest.importorskip("ray")
    output, log = tmp_path / "lists.parquet", tmp_path / "pids"
    command = [sys.executable, "-m", "tests.service.batch.ray_batch", *map(str, (home, users, output, log))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, *others = log.read_text().split()
    assert first not in others, "the worker that died is not the one that answered"
    assert len(set(others)) == 2
    assert output.read_bytes() == whole


@pytest.mark.parametrize(("own", "patience"), [(5.0, 600.0), (900.0, 900.0)])
def test_a_server_has_longer_for_a_request_of_a_batch_than_anybody_would_wait(
    tmp_path: Path, own: float, patience: float
) -> None:
    config = tmp_path / "settings.yaml"
    config.write_text(f"engine: {{kind: vllm, read_timeout_s: {own}, timeout_s: {own}}}\n")
    given = Globals(config=config, home=tmp_path, debug=False, out=Console(), err=Console())
    engine = settings_for_batch(given, ModelOptions(), 64).engine
    assert isinstance(engine, VllmSettings)
    assert (engine.concurrency, engine.read_timeout_s, engine.timeout_s) == (64, patience, patience)
