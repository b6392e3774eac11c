"""Calls in processes of their own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import wraps
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def alone(call: Callable[P, R]) -> Callable[P, R]:
    """The same call in a new process each time, which gives back all the memory that a model took."""

    @wraps(call)
    def called(*arguments: P.args, **named: P.kwargs) -> R:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            return pool.submit(call, *arguments, **named).result()

    return called
