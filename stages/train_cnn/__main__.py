"""Train the CNN of one run of part 2 on the crops, once for each seed or fold.

python -m stages.train_cnn RUN      reads data/crops.safetensors, writes models/cnn/RUN/

pipeline/common/runs.py lists the files of a run. Its weights have the names of PyTorch's state_dict.
"""

import sys
from pathlib import Path

from pipeline.common.paths import CROP_ARRAYS
from pipeline.common.runs import Replicate
from pipeline.runtime.process import run_stage
from pipeline.training.replicates import train_run
from pipeline.training.settings import CnnSettings


def train_replicate(crops: Path, run: str, seed: int, settings: CnnSettings, replicate: int) -> Replicate:
    """One training, in a process that imports PyTorch; the stage itself does not."""
    from stages.train_cnn.training import train

    return train(crops, run, seed, settings, replicate)


def main(run: str) -> None:
    train_run("cnn", run, CnnSettings, train_replicate, CROP_ARRAYS)


if __name__ == "__main__":
    run_stage(main, *sys.argv[1:])
