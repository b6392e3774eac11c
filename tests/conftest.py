"""What every test gets: no telemetry, no hub, and no user's folders."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import structlog
from hypothesis import HealthCheck, settings
from sqlalchemy import create_engine, text

from service.environment import keep_to_ourselves

POSTGRES = "TEST_POSTGRES_URL"
"""Environment variable with the URL of a PostgreSQL database that tests may make schemas in."""

keep_to_ourselves()  # before any test module imports a library that reads these

# A machine that is busy is slow, which says nothing about the code.
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Points FewRec's home at a folder of this test and hides the developer's own settings. Returns that home."""
    for name in list(os.environ):
        if name.upper().startswith("FEWREC_") and name != "FEWREC_TEST_CACHE":
            monkeypatch.delenv(name)
    monkeypatch.setenv("FEWREC_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FEWREC_CACHE", str(tmp_path / "cache"))
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def own_logs() -> Iterator[None]:
    """A command sets where logs go, for its whole process: the next test does not write into its closed stream."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """An empty PostgreSQL schema of the test's own; skips where there is no server."""
    server = os.environ.get(POSTGRES)
    if not server:
        pytest.skip(f"{POSTGRES} is not set")
    schema = f"test_{uuid4().hex}"
    engine = create_engine(server.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    yield f"{server}?options=-csearch_path%3D{schema}"
    with engine.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    engine.dispose()


@pytest.fixture(scope="session")
def model_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder shared by the tests marked `model`, so that the model is prepared once a run.

    FEWREC_TEST_CACHE names a folder that is kept between runs instead.
    """
    kept = os.environ.get("FEWREC_TEST_CACHE")
    return Path(kept) if kept else tmp_path_factory.mktemp("models")
