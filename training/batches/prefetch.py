"""Batches made ahead in a thread, each with the stream's position after it, so that resuming stays exact."""

import queue
import threading
from collections.abc import Iterator
from typing import Any, Protocol, Self


class BatchLike(Protocol):
    """What the trainer needs of a batch."""

    target_tokens: int

    def to(self, device: Any) -> Self:
        """The batch on another device."""
        ...


class StreamLike(Protocol):
    """What the trainer needs of a stream: batches without end, and its position after the last one, as JSON values."""

    def __iter__(self) -> Iterator[Any]:
        """Batches from the current position on."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Position after the last batch that was taken."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go to a position."""
        ...


class Prefetch:
    """Takes batches from a stream, `depth` ahead (0: none, no thread); use in a `with`.

    Attributes:
        state: the stream's position after the last batch handed out.
    """

    def __init__(self, stream: StreamLike, depth: int) -> None:
        self.stream = stream
        self.state = stream.state_dict()
        self._made: queue.Queue[Any] = queue.Queue(max(1, depth))
        self._stop = threading.Event()
        self._iterator = iter(stream)
        self._thread = threading.Thread(target=self._work, daemon=True, name="prefetch") if depth else None

    def __enter__(self) -> Self:
        """Start the thread."""
        if self._thread:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the thread; what it made ahead is forgotten."""
        self._stop.set()
        if self._thread:
            while self._thread.is_alive():
                self._empty()
                self._thread.join(0.05)

    def take(self) -> Any:
        """The next batch.

        Raises:
            Exception: whatever the stream raised.
        """
        made = self._made.get() if self._thread else self._make()
        if isinstance(made, BaseException):
            raise made
        batch, self.state = made
        return batch

    def _make(self) -> tuple[Any, dict[str, Any]]:
        return next(self._iterator), self.stream.state_dict()

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                made: Any = self._make()
            except BaseException as error:  # handed to the consumer, which raises it
                made = error
            self._made.put(made)
            if isinstance(made, BaseException):
                return

    def _empty(self) -> None:
        try:
            while True:
                self._made.get_nowait()
        except queue.Empty:
            return
