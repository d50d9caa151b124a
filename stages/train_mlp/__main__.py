"""Train the MLP of one run of part 1 on the prepared digits, once for each seed.

python -m stages.train_mlp RUN      reads data/digits.safetensors and settings/mlp/RUN.json,
                                    writes models/mlp/RUN/

pipeline/common/runs.py lists the files of a run. Its weights are layer_<i>: (units, inputs + 1), the last
column biases.
"""

from functools import partial
from pathlib import Path

from pipeline.common.paths import DIGITS
from pipeline.common.runs import Replicate, run_folder, write_run
from pipeline.runtime.compute import read_compute
from pipeline.runtime.errors import InputError
from pipeline.runtime.files import whole_folder
from pipeline.runtime.process import run_stage
from pipeline.runtime.settings import read_params
from pipeline.training.replicates import train_replicates
from pipeline.training.settings import read_settings
from stages.train_mlp.settings import MlpSettings


def train_replicate(digits: Path, run: str, seed: int, settings: MlpSettings, replicate: int) -> Replicate:
    """One training, in a process that imports SciPy; the stage itself does not wait for that."""
    from stages.train_mlp.training import train

    return train(digits, run, seed, settings, replicate)


def main(run: str) -> None:
    params = read_params()
    settings, seed = read_settings(params, "mlp", run, MlpSettings)
    train = partial(train_replicate, DIGITS.resolve(), f"mlp.runs.{run}", seed, settings)
    with whole_folder(run_folder("mlp", run)) as folder:
        replicates = train_replicates(train, settings.replicates, read_compute(params))
        if settings.latents_every and not all(each.latents for each in replicates):
            raise InputError(
                f"mlp.runs.{run}: a replicate stopped early, before epoch latents_every; "
                "set latents_every lower, or patience higher"
            )
        write_run(folder, settings.model_dump(), replicates)


if __name__ == "__main__":
    run_stage(main)
