"""Two trainings in one process that take turns: each runs in a thread, and only while it is its turn.

A side's clock counts its own turns alone, so that both get the same seconds of the same machine in the same minutes.
"""

import threading
import time
from collections.abc import Callable


class BudgetUsedError(Exception):
    """Raised inside a side when its seconds are used up."""


class Side:
    """One of those who take turns.

    Attributes:
        name: for tables.
        used: seconds of its own turns so far.
        paused: seconds that it waited so far.
        finished: its work ended or failed; `error` says how.
    """

    def __init__(
        self, name: str, work: Callable[["Side"], None], budget: float, turn: float, setup: Callable[[], None]
    ) -> None:
        """`work` calls `pause_point` after each update; `setup` runs first in the thread (threads of PyTorch)."""
        self.name, self.budget, self.turn = name, budget, turn
        self.used = self.paused = 0.0
        self.finished = False
        self.error: BaseException | None = None
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self._started: float | None = None
        self._thread = threading.Thread(target=self._run, args=(work, setup), daemon=True, name=name)
        self._thread.start()

    def take_turn(self) -> None:
        """Called by the director: let the side work for one turn, and wait for its end."""
        self._go.release()
        self._back.acquire()
        if self.error is not None:
            raise RuntimeError(f"{self.name} failed") from self.error

    def pause_point(self) -> float:
        """Called by the side between updates: goes on, or waits for the next turn; gives the seconds waited.

        Raises:
            BudgetUsedError: nothing is left.
        """
        if self._started is not None and self.clock() - self.used < self._allowance():
            return 0.0
        waited_from = time.monotonic()
        if self._started is not None:
            self.used, self._started = self.clock(), None
            if self.used >= self.budget:
                raise BudgetUsedError
            self._back.release()
            self._go.acquire()
        self._started = time.monotonic()
        waited = self._started - waited_from
        self.paused += waited
        return waited

    def clock(self) -> float:
        """Seconds of its own turns, this one included."""
        return self.used + (time.monotonic() - self._started if self._started is not None else 0.0)

    def _allowance(self) -> float:
        return min(self.turn, self.budget - self.used)

    def _run(self, work: Callable[["Side"], None], setup: Callable[[], None]) -> None:
        self._go.acquire()
        setup()
        try:
            work(self)
        except BudgetUsedError:
            pass
        except BaseException as error:  # the director raises it
            self.error = error
        self.finished = True
        self._back.release()
