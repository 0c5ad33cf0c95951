"""What each kind of model does: learn from texts and labels, give raw scores, and say what it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class State:
    """All that a fitted model is: plain arrays, and files of other libraries. Nothing that runs when it is read."""

    arrays: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)


class Learner(Protocol):
    """A kind of model. Labels are numbers below ``classes``; rows of raw scores do not depend on the other rows."""

    kind: ClassVar[str]
    defaults: ClassVar[dict[str, Any]]  #: its options
    bounds: ClassVar[dict[str, tuple[float, float]]]  #: the least and the most of those that are numbers

    @classmethod
    def fit(cls, texts: pa.Array, labels: Labels, classes: int, seed: int, options: dict[str, Any]) -> Self:
        """Learns. The same arguments give the same model."""

    @classmethod
    def restore(cls, state: State, classes: int) -> Self:
        """What ``state`` was made of. ValueError when it is no state of this kind."""

    def state(self) -> State: ...

    def raw(self, texts: pa.Array) -> Floats:
        """``float64[n, classes]``: the higher, the likelier; on no scale in particular."""
