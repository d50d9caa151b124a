"""The settings of a training run, as check_settings has resolved them; params.yaml explains each key.

The upper limits catch typing errors, which would otherwise run for days or fill the memory.
"""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, TypeVar

from pydantic import Field

from pipeline.common.paths import PARAMS, SETTINGS
from pipeline.common.storage import read_json
from pipeline.runtime.errors import InputError
from pipeline.runtime.settings import Strict, check, read_seed, resolve_run

Units = Annotated[int, Field(ge=1, le=10_000)]  # of one hidden layer


class TrainingSettings(Strict):
    """What both networks have. `packages` are those that a training computes with."""

    packages: ClassVar[tuple[str, ...]]

    learning_rate: float = Field(gt=0, le=1e6)
    batch_size: int = Field(ge=1)
    epochs: int = Field(ge=1, le=1_000_000)
    schedule: Literal["constant", "cycle"]
    seeds: int = Field(ge=1, le=1000)

    @property
    def replicates(self) -> int:
        """How many networks are trained."""
        return self.seeds

    def check_samples(self, run: str, samples: int) -> None:
        """Raise InputError if there are fewer training samples than one mini-batch takes."""
        if self.batch_size > samples:
            raise InputError(
                f"{run}: batch_size is {self.batch_size}, but there are {samples} training samples; "
                f"set {samples} or less"
            )


Settings = TypeVar("Settings", bound=TrainingSettings)


class Resolved(NamedTuple):
    """The content of settings/<part>/<run>.json: all that a training's result depends on but its data."""

    settings: dict[str, Any]  # the run's, with those of the runs that it is like and the defaults
    seed: int
    packages: dict[str, str]  # those that the training computes with: their pinned versions


def settings_file(part: str, run: str) -> Path:
    return SETTINGS / part / f"{run}.json"


def read_settings(params: dict[str, Any], part: str, run: str, model: type[Settings]) -> tuple[Settings, int]:
    """The settings of a run and the seed, from the file that check_settings wrote.

    Raises InputError if `params` say something else by now: DVC knows a training by that file.
    """
    said = {"settings": resolve_run(params, part, run), "seed": read_seed(params)}
    path = settings_file(part, run)
    written = read_json(path) if path.is_file() else {}
    if any(written.get(key) != value for key, value in said.items()):
        raise InputError(f"{path} is not what {PARAMS} says; `dvc repro check_settings` mends it")
    return check(model, written["settings"], "settings", file=path), written["seed"]
