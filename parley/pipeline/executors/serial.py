"""One unit after the other in this process: for tests, and for the processes that `torchrun` started."""

from collections.abc import Sequence

from parley.pipeline.executors.executor import Ended
from parley.pipeline.unit import Unit


class InProcess:
    """One unit after the other in this process."""

    def __init__(self) -> None:
        """Nothing is running yet."""
        self._unit: Unit | None = None

    def start(self, units: Sequence[Unit]) -> Sequence[Unit]:
        """Take the first one."""
        self._unit = units[0]
        return units[:1]

    def wait(self) -> Sequence[Ended]:
        """Run it."""
        unit, self._unit = self._unit, None
        if unit is None:
            return []
        try:
            unit.run()
        except Exception as error:
            return [(unit, error)]
        return [(unit, None)]

    def stop(self) -> None:
        """Nothing runs between calls."""
