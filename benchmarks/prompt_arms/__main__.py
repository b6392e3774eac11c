"""The command: see benchmarks.prompt_arms.arms."""

from benchmarks.prompt_arms.arms import main

if __name__ == "__main__":
    raise SystemExit(main())
