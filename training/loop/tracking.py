"""Experiment trackers through accelerate: Weights & Biases, Comet, TensorBoard; on or off line."""

import importlib.util
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from parley.pipeline.atomic import write_json
from parley.pipeline.errors import InputError
from parley.pipeline.progress import say
from parley.pipeline.secrets import public
from training.loop.config import TrackingConfig

if TYPE_CHECKING:
    from accelerate.tracking import GeneralTracker

PATIENCE_SECONDS: Final = 30.0  # for a tracker's server, at the beginning and at the end
MODULES: Final = {"wandb": "wandb", "comet": "comet_ml", "tensorboard": "tensorboard"}


def check_tracking(config: TrackingConfig) -> None:
    """Refuse a tracker that cannot work, before anything runs.

    Raises:
        InputError: its package is not installed.
    """
    module = MODULES.get(config.kind)
    if module and importlib.util.find_spec(module) is None:
        raise InputError(f"tracking.kind={config.kind} needs the package {module}: pip install 'parley[track]'")


class Tracker:
    """One tracker of accelerate's, or none. Only the first process starts it.

    A tracker that fails, for want of network for instance, is said once and left alone: training goes on without it.

    Args:
        folder: for offline data, event files and the run's identity, by which a resumed training continues its run.
        facts: configuration to record; secrets are hidden.
    """

    def __init__(self, config: TrackingConfig, folder: Path, facts: Mapping[str, Any]) -> None:
        check_tracking(config)
        self.config = config
        self.folder = folder
        self.facts = public_values(facts)
        self.inner: GeneralTracker | None = None

    def start(self) -> None:
        """Open the run, unless tracking is off."""
        if self.config.kind == "none":
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        self.inner = _open(self.config, self.folder)
        self._tell("start")  # without network: an error, after `PATIENCE_SECONDS` at the latest
        self._tell("store_init_configuration", self.facts)

    def log(self, values: Mapping[str, Any], step: int) -> None:
        """Record numbers at an update; what is not a number is left out."""
        self._tell("log", {name: value for name, value in values.items() if isinstance(value, int | float)}, step=step)

    def finish(self) -> None:
        """Close the run and write out what is left, within `PATIENCE_SECONDS`."""
        self._tell("finish")
        self.inner = None

    def _tell(self, what: str, *values: Any, **options: Any) -> None:
        if self.inner is None:
            return
        try:
            getattr(self.inner, what)(*values, **options)
        except Exception as error:  # whatever a tracker's library raises
            self.inner = None
            line = " ".join(f"{type(error).__name__}: {error}".split())
            say(f"tracking.kind={self.config.kind} fails, training goes on without it ({line})")


def _open(config: TrackingConfig, folder: Path) -> "GeneralTracker":
    from accelerate import tracking

    identity = folder / "run.json"
    if not identity.exists():
        write_json(identity, {"id": uuid4().hex})
    run_id = json.loads(identity.read_text(encoding="utf-8"))["id"]
    if config.kind == "wandb":
        return tracking.WandBTracker(config.project, **_wandb_arguments(config, folder, run_id))
    if config.kind == "comet":
        return tracking.CometMLTracker(config.project, **_comet_arguments(config, folder, run_id))
    return tracking.TensorBoardTracker(config.project, logging_dir=str(folder))


def _wandb_arguments(config: TrackingConfig, folder: Path, run_id: str) -> dict[str, Any]:
    import wandb

    # No command line, git remote or code leaves this machine: overrides and remotes may hold passwords.
    settings = wandb.Settings(x_disable_meta=True, disable_git=True, disable_code=True, console="off", silent=True)
    settings.init_timeout = settings.finish_timeout = PATIENCE_SECONDS
    mode = "offline" if config.offline else "online"
    resume = None if config.offline else "allow"  # an offline run cannot be looked up
    return {"mode": mode, "dir": str(folder), "id": run_id, "resume": resume, "settings": settings}


def _comet_arguments(config: TrackingConfig, folder: Path, run_id: str) -> dict[str, Any]:
    import comet_ml

    os.environ.setdefault("COMET_LOGGING_CONSOLE", "ERROR")
    os.environ.setdefault("COMET_TIMEOUT_CLEANING", f"{PATIENCE_SECONDS:.0f}")  # what is not sent by then is given up
    settings = comet_ml.ExperimentConfig(
        offline_directory=str(folder),
        log_code=False,
        log_graph=False,
        log_git_metadata=False,
        log_git_patch=False,
        log_env_details=False,
        auto_output_logging=False,  # type: ignore[arg-type]  # False is what switches it off
        parse_args=False,
        display_summary_level=0,
    )
    key = {} if config.offline else {"experiment_key": run_id}
    return {
        "online": not config.offline,
        "mode": "create" if config.offline else "get_or_create",
        **key,
        "experiment_config": settings,
    }


def public_values(values: Mapping[str, Any], prefix: str = "") -> dict[str, bool | int | float | str]:
    """Flatten a configuration for a tracker, secrets hidden."""
    flat: dict[str, bool | int | float | str] = {}
    for name, value in public(values).items():
        if isinstance(value, Mapping):
            flat |= public_values(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value if isinstance(value, bool | int | float) else str(value)
    return flat
