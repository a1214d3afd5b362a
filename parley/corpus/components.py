"""Connected components of rows, joined a batch of links at a time: 8 bytes a row in memory, any number of links."""

import numpy as np

_CHUNK: int = 1 << 20


class Components:
    """Rows 0 to N - 1, each alone at first. A component is named after its smallest row."""

    def __init__(self, count: int) -> None:
        self._parent = np.arange(count)

    def join(self, left: np.ndarray, right: np.ndarray) -> None:
        """Put each pair of rows into one component."""
        while len(left):
            left, right = self.of(left), self.of(right)
            apart = left != right
            left, right = left[apart], right[apart]
            np.minimum.at(self._parent, np.maximum(left, right), np.minimum(left, right))

    def of(self, rows: np.ndarray) -> np.ndarray:
        """The components of rows."""
        roots = self._parent[rows]
        while not np.array_equal(further := self._parent[roots], roots):
            roots = further
        self._parent[rows] = roots  # the next way is shorter
        return roots

    def all(self) -> np.ndarray:
        """The component of every row, int64[N]."""
        for start in range(0, len(self._parent), _CHUNK):
            self.of(np.arange(start, min(start + _CHUNK, len(self._parent))))
        return self._parent
