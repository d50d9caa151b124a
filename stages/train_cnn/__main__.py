"""Train the CNN of one run of part 2 on the crops, once for each seed or fold.

python -m stages.train_cnn RUN      reads data/crops.safetensors and settings/cnn/RUN.json,
                                    writes models/cnn/RUN/

pipeline/common/runs.py lists the files of a run. Its weights have the names of PyTorch's state_dict.
"""

from functools import partial
from pathlib import Path

from pipeline.common.paths import CROP_ARRAYS
from pipeline.common.runs import Replicate, run_folder, write_run
from pipeline.runtime.compute import read_compute
from pipeline.runtime.files import whole_folder
from pipeline.runtime.process import run_stage
from pipeline.runtime.settings import read_params
from pipeline.training.replicates import train_replicates
from pipeline.training.settings import read_settings
from stages.train_cnn.settings import CnnSettings


def train_replicate(crops: Path, run: str, seed: int, settings: CnnSettings, replicate: int) -> Replicate:
    """One training, in a process that imports PyTorch; the stage itself does not."""
    from stages.train_cnn.training import train

    return train(crops, run, seed, settings, replicate)


def main(run: str) -> None:
    params = read_params()
    settings, seed = read_settings(params, "cnn", run, CnnSettings)
    train = partial(train_replicate, CROP_ARRAYS.resolve(), f"cnn.runs.{run}", seed, settings)
    with whole_folder(run_folder("cnn", run)) as folder:
        replicates = train_replicates(train, settings.replicates, read_compute(params), settings.device)
        write_run(folder, settings.model_dump(), replicates)


if __name__ == "__main__":
    run_stage(main)
