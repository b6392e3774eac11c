"""Runs all benchmarks one after the other: python -m benchmarks, or make bench."""

from __future__ import annotations

import sys

from benchmarks import (
    attention,
    auction,
    concurrency,
    erasure,
    evaluation_speed,
    first_recommendation,
    import_speed,
    packed_scoring,
    service_catalogue,
    service_load,
    service_overhead,
    tuning_speed,
)


def main() -> int:
    """The largest exit code of them all."""
    return max(
        packed_scoring.main([]),
        attention.main([]),
        concurrency.main([]),
        import_speed.main([]),
        first_recommendation.main(),
        tuning_speed.main([]),
        evaluation_speed.main([]),
        erasure.main([]),
        service_overhead.main([]),
        service_catalogue.main([]),
        service_load.main([]),
        auction.main([]),
    )


if __name__ == "__main__":
    sys.exit(main())
