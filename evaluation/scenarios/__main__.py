"""python -m evaluation.scenarios: see command."""

from __future__ import annotations

import sys

from evaluation.scenarios.command import main

if __name__ == "__main__":
    sys.exit(main())
