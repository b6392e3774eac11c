"""The parts of a batch over a Ray cluster, by Ray Data (extra `ray`). Every worker looks up and ranks by itself.

A worker makes of a part what this process would make of it, so the output is the same. A worker that dies is started
again and its part is done again. Where the index is embedded, which one process at a time may hold, every worker works
on a copy of its own; that needs the home folder on every machine, so several machines are for an index at a server.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ranking.errors import ConfigError, EngineError
from ranking.recommender import Recommender
from ranking.settings import Settings
from retrieval.errors import StoreError, one_line
from retrieval.protocol import Progress
from service.batch.answering import Answering, Wanted
from service.batch.batch import Request, keeping, wanted
from service.batch.users import Listed
from service.batch.work import Plan, Work
from service.environment import keep_to_ourselves

LOCAL = "local"
_OBJECT_STORE_BYTES = 200 * 2**20
"""Of a cluster that is started here: what goes through it is ids and finished parts."""
_SNAPSHOT = "snapshot"
_INDEX = "chroma"
"""Of a home folder, see retrieval.store."""

Open = Callable[[], AbstractContextManager[Recommender]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Cluster:
    """Where to work."""

    address: str
    """Of a cluster that runs, or "local" to start one on this machine."""
    workers: int | None = None
    """Processes that rank; None is one a GPU where GPUs are wanted and there, else one a machine."""
    gpus: bool = False
    """Whether a worker is to have a GPU of its own, where the cluster has any."""


def answer_over_ray(
    work: Work,
    plan: Plan,
    request: Request,
    cluster: Cluster,
    open_recommender: Open,
    progress: Progress | None = None,
) -> None:
    """Answers the parts that are missing; each is kept as soon as it is back.

    `open_recommender` is called in every worker, once. Raises ConfigError without the extra, EngineError for what fails
    in the cluster.
    """
    ray = _library()
    pending = work.pending(plan)
    keep = keeping(work, plan, len(pending), progress)
    rows = [
        {"part": number, "lines": [one.line for one in users], "users": [one.user_id for one in users]}
        for number, users in work.users_of(plan, pending)
    ]
    with _connected(ray, cluster):
        try:
            data = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
                _Worker,
                fn_constructor_args=(open_recommender, wanted(plan, request)),
                **_shares(ray, cluster, len(rows)),
            )
            for row in data.iter_rows():
                keep(row["part"], row["content"])
        except ray.exceptions.RayError as error:
            cause = one_line(error.cause if isinstance(error, ray.exceptions.RayTaskError) else error)
            raise EngineError(f"the Ray cluster failed, run again to go on: {cause[-500:]}") from error


def take_snapshot(settings: Settings, work: Work) -> Path | None:
    """A copy of the embedded index for the workers to copy, while nobody holds it; None for an index at a server."""
    if settings.index.url is not None:
        return None
    snapshot = work.folder.resolve() / _SNAPSHOT
    shutil.rmtree(snapshot, ignore_errors=True)
    shutil.copytree(settings.home / _INDEX, snapshot, ignore=shutil.ignore_patterns("*.lock"))
    return snapshot


@contextmanager
def open_in_worker(settings: Settings, snapshot: Path | None) -> Iterator[Recommender]:
    """A Recommender on a copy of the snapshot, which goes afterwards; without one, on the index at its server.

    Raises StoreError where this machine does not see the snapshot.
    """
    from ranking.factory import open_recommender

    if snapshot is None:
        with open_recommender(settings) as recommender:
            yield recommender
        return
    if not snapshot.is_dir():
        raise StoreError(
            f"{snapshot} is not on this machine: for several machines, let an index server (index.url) and a database "
            "server (record_url) hold the store"
        )
    with tempfile.TemporaryDirectory(prefix="fewrec-batch-") as home:
        shutil.copytree(snapshot, Path(home) / _INDEX)
        record = settings.record_url or str((settings.home / "record.db").resolve())
        with open_recommender(settings.model_copy(update={"home": Path(home), "record_url": record})) as recommender:
            yield recommender


def _library() -> Any:
    try:
        import ray
        import ray.data
        import ray.exceptions
    except ImportError as error:
        raise ConfigError("--ray needs the extra ray: pip install -e '.[ray]' in the clone") from error
    return ray


@contextmanager
def _connected(ray: Any, cluster: Cluster) -> Iterator[None]:
    """The cluster, left afterwards; one that was started here ends."""
    keep_to_ourselves()
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "warning", "configure_logging": True}
    if cluster.address == LOCAL:
        ray.init(address=LOCAL, include_dashboard=False, object_store_memory=_OBJECT_STORE_BYTES, **quiet)
    else:
        ray.init(address=cluster.address, **quiet)
    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.WARNING)
    try:
        yield
    finally:
        ray.shutdown()


def _shares(ray: Any, cluster: Cluster, n_parts: int) -> dict[str, Any]:
    """How many workers there are, and what each has of a machine."""
    nodes = [node for node in ray.nodes() if node["Alive"]]
    gpus = int(ray.cluster_resources().get("GPU", 0)) if cluster.gpus else 0
    workers = min(n_parts, cluster.workers or gpus or len(nodes))
    on_a_node = -(-workers // len(nodes))
    cpus = min(int(node["Resources"].get("CPU", 1)) for node in nodes) // on_a_node
    # Ray gives a process as many threads as it is promised processors.
    pool = ray.data.ActorPoolStrategy(size=workers)
    return {"compute": pool, "num_cpus": max(1, cpus), **({"num_gpus": 1} if gpus else {})}


class _Worker:
    """One process that answers parts. It holds its Recommender as long as it lives."""

    def __init__(self, open_recommender: Open, wanted: Wanted) -> None:
        keep_to_ourselves()
        self._loop = asyncio.Runner()
        self._opened = open_recommender()
        recommender = self._opened.__enter__()
        self._answering = Answering(recommender, wanted, in_flight=1)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        users = [Listed(line=line, user_id=user) for line, user in zip(row["lines"], row["users"], strict=True)]
        return {"part": row["part"], "content": self._loop.run(self._answering.answer(users))}
