"""Numbers of documents as sorted arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


def distinct(numbers: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Sorted and each once, which costs little where they are so already (``np.unique`` hashes them first)."""
    if len(numbers) < 2 or bool((numbers[1:] > numbers[:-1]).all()):
        return numbers
    ordered = np.sort(numbers)
    first: npt.NDArray[Any] = ordered[np.append(True, ordered[1:] != ordered[:-1])]
    return first
