"""The log of a stage or shard."""

import logging
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from platform import node
from typing import Any, Final

from parley.pipeline.secrets import hidden, secrets_of

PACKAGES: Final = ("parley", "training", "backtranslation", "distillation", "qe_model", "eval")
logger = logging.getLogger(__name__)


@contextmanager
def logged_to(path: Path, config: Any) -> Iterator[None]:
    """Append what is logged meanwhile to a file, and the traceback of what ends it; secrets of the config are hidden.

    Args:
        config: of the stage, a dataclass.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = _LogFile(path, delay=True, encoding="utf-8")
    handler.setFormatter(_Public(set(secrets_of(asdict(config)))))
    root = logging.getLogger()
    root.addHandler(handler)
    for package in PACKAGES:  # other libraries only where they warn
        logging.getLogger(package).setLevel(logging.INFO)
    logger.info(f"running on {node()}, process {os.getpid()}")
    try:
        yield
    except Exception:
        logger.exception("failed")
        raise
    finally:
        root.removeHandler(handler)
        handler.close()


class _LogFile(logging.FileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (logging's name)
        """A log line that cannot be written must not hide the error that the stage will report."""


class _Public(logging.Formatter):
    def __init__(self, secrets: Collection[str]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        return hidden(super().format(record), self._secrets)
