"""Train the MLP of one run of part 1 on the prepared digits, once for each seed.

python -m stages.train_mlp RUN      reads data/digits.safetensors, writes models/mlp/RUN/

pipeline/common/runs.py lists the files of a run. Its weights are layer_<i>: (units, inputs + 1), the last
column biases.
"""

import sys
from pathlib import Path

from pipeline.common.paths import DIGITS
from pipeline.common.runs import Replicate
from pipeline.runtime.process import run_stage
from pipeline.training.replicates import train_run
from pipeline.training.settings import MlpSettings


def train_replicate(digits: Path, run: str, seed: int, settings: MlpSettings, replicate: int) -> Replicate:
    """One training, in a process that imports NumPy and SciPy; the stage itself needs neither."""
    from stages.train_mlp.training import train

    return train(digits, run, seed, settings, replicate)


def main(run: str) -> None:
    train_run("mlp", run, MlpSettings, train_replicate, DIGITS)


if __name__ == "__main__":
    run_stage(main, *sys.argv[1:])
