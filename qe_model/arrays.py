"""Types of arrays; the names of arrays end in their shape, such as `probabilities_N4`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[Any]  # of any precision
