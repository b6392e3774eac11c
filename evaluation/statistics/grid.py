"""Numbers on a grid on which sums are exact.

A matrix product adds in an order that depends on the processor, the number of threads and the width of the matrix.
Values rounded to a grid that is fine enough (2^-30 of the largest) add without error in any order, so the aggregates
of a run are the same bytes everywhere, and equal statistics compare as equal, which a randomisation test needs.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

_BITS = 30
"""2^30 grid steps times up to 2^22 cases stay below 2^53, the integers that a float holds exactly."""


def on_grid(values: Matrix) -> Matrix:
    """Each column of a finite (n, m) array rounded to multiples of 2^-30 of the power of two at or above its largest.

    Adds an error of at most 2^-31 of the largest value of the column.
    """
    if values.size == 0:
        return values
    largest = np.abs(values).max(axis=0)
    _, exponent = np.frexp(largest)
    rounded: Matrix = np.ldexp(np.rint(np.ldexp(values, _BITS - exponent)), exponent - _BITS)
    return rounded
