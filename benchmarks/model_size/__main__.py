"""The command: see benchmarks.model_size.sizes."""

from benchmarks.model_size.sizes import main

if __name__ == "__main__":
    raise SystemExit(main())
