"""Train all replicates of a run, each in a process of its own with one thread."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from pipeline.common.numerics import why_not_pinned
from pipeline.common.paths import PARAMS, SETTINGS
from pipeline.common.runs import Replicate, run_folder, write_run
from pipeline.common.storage import read_json
from pipeline.runtime.compute import Compute
from pipeline.runtime.errors import InputError
from pipeline.runtime.files import whole_folder
from pipeline.runtime.process import say
from pipeline.runtime.settings import check, read_params, read_run, read_seed, section
from pipeline.training.refusals import stopped_before_latents
from pipeline.training.schedule import count_replicates
from pipeline.training.settings import TrainingSettings


def train_run(
    part: str, run: str, model: type[TrainingSettings], train: Callable[..., Replicate], data: Path
) -> None:
    """What the stages train_mlp and train_cnn do: train a run, and write models/<part>/<run>/.

    `train` is called as train(data, "<part>.runs.<run>", seed, settings, replicate).
    """
    params, name = read_params(), f"{part}.runs.{run}"
    settings = check(model, read_run(params, part, run), name)
    check_written(settings, part, run)
    compute = check(Compute, section(params, "compute"), "compute")
    task = partial(train, data.resolve(), name, read_seed(params), settings)
    with whole_folder(run_folder(part, run)) as folder:
        device = getattr(settings, "device", "cpu")
        replicates = run_replicates(task, count_replicates(settings), compute, device)
        if getattr(settings, "latents_every", 0) and not all(each.latents for each in replicates):
            raise stopped_before_latents(name)
        write_run(folder, settings.model_dump(), replicates)


def check_written(settings: TrainingSettings, part: str, run: str) -> None:
    """Raise InputError unless check_settings has written these settings; DVC knows a training by them."""
    path = SETTINGS / part / f"{run}.json"
    if not path.is_file() or read_json(path) != settings.model_dump():
        raise InputError(f"{path} is not what {PARAMS} says; run python -m stages.check_settings")


def run_replicates(
    train: Callable[[int], Replicate], replicates: int, compute: Compute, device: str = "cpu"
) -> list[Replicate]:
    """train(replicate) for each replicate: the same results in however many processes, wherever they run."""
    reason = why_not_pinned() if device == "cpu" else f"this runs on {device}"
    if reason:
        say(f"the last digits of results may differ from the committed ones: {reason}")
    return list(compute.each(train, ((replicate,) for replicate in range(replicates)), replicates))
