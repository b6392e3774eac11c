from __future__ import annotations

from dataclasses import dataclass

import pytest
from structlog.testing import capture_logs

from ranking.breaker import Breaker
from ranking.pace import Pace


@dataclass
class FakeClock:
    """Time that passes when told to."""

    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


def fail(breaker: Breaker, times: int = 1) -> None:
    for _ in range(times):
        attempt = breaker.admit()
        assert attempt is not None
        attempt.failed()
        attempt.over()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def breaker(clock: FakeClock) -> Breaker:
    return Breaker("engine", failures=3, rest_s=10.0, now=clock)


def test_it_opens_after_failures_in_a_row_and_says_so(breaker: Breaker) -> None:
    fail(breaker, 2)
    attempt = breaker.admit()
    assert attempt is not None
    attempt.succeeded()
    fail(breaker, 2)
    assert str(breaker.state) == "closed"
    with capture_logs() as logged:
        fail(breaker)
    assert (breaker.state, breaker.admit()) == ("open", None)
    assert [(entry["event"], entry["of"]) for entry in logged] == [("breaker open", "engine")]


def test_after_the_rest_one_call_decides(breaker: Breaker, clock: FakeClock) -> None:
    fail(breaker, 3)
    clock.seconds = 9.9
    assert breaker.admit() is None
    clock.seconds = 10.0
    assert str(breaker.state) == "half-open"
    probe = breaker.admit()
    assert probe is not None
    assert breaker.admit() is None
    probe.failed()
    probe.over()
    assert breaker.admit() is None
    clock.seconds = 20.0
    probe = breaker.admit()
    assert probe is not None
    probe.succeeded()
    probe.over()
    assert str(breaker.state) == "closed"
    fail(breaker, 2)
    assert str(breaker.state) == "closed"


def test_a_probe_that_says_nothing_leaves_its_place(breaker: Breaker, clock: FakeClock) -> None:
    fail(breaker, 3)
    clock.seconds = 10.0
    probe = breaker.admit()
    assert probe is not None
    probe.over()
    assert str(breaker.state) == "half-open"
    assert breaker.admit() is not None


def test_what_began_before_it_opened_changes_nothing(breaker: Breaker) -> None:
    early, late = breaker.admit(), breaker.admit()
    assert early is not None
    assert late is not None
    fail(breaker, 3)
    early.succeeded()
    late.failed()
    early.over()
    assert str(breaker.state) == "open"


def test_as_many_candidates_as_fit_and_all_again_when_it_is_fast() -> None:
    pace = Pace()
    assert pace.fitting(20, 1.0, 4) == 20
    pace.add(20, 4.0)
    assert pace.fitting(20, 4.0, 4) == 20
    assert pace.fitting(20, 2.0, 4) == 9
    assert pace.fitting(20, 0.1, 4) == 4
    assert pace.fitting(3, 0.1, 4) == 3
    for _ in range(6):
        pace.add(9, 0.09)
    assert pace.fitting(20, 2.0, 4) == 20


def test_it_settles_where_the_whole_call_fits() -> None:
    pace, n = Pace(), 20
    for _ in range(60):
        pace.add(n, seconds := 1.0 + 0.1 * n)
        n = pace.fitting(20, 2.5, 4)
    assert 2.0 <= seconds <= 2.5
