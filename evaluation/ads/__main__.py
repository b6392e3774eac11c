"""python -m evaluation.ads: see command."""

from __future__ import annotations

import sys

from evaluation.ads.command import main

if __name__ == "__main__":
    sys.exit(main())
