"""Train the CNN of one run of part 2 on the crops, once for each seed.

python -m stages.train_cnn RUN      reads data/crops.npz, writes models/cnn/RUN/

settings.json               the run's settings, defaults filled in
curves.csv                  a row for each replicate and epoch
predictions.npz             train, test and, with a snapshot, snapshot_test: classes (replicates, crops)
replicate_<r>.safetensors   the weights, by their names in the network
snapshot_<r>.safetensors    the same after `snapshot_epoch`
"""

import sys
from functools import partial
from pathlib import Path
from typing import Any

from safetensors.numpy import save

from pipeline.common.compute import Compute
from pipeline.common.files import whole_folder
from pipeline.common.settings import check, read_params, read_run, read_seed, run_stage, section
from pipeline.training.cnn_settings import Settings
from pipeline.training.replicates import run_replicates, write_run

CROPS = Path("data/crops.npz")
MODELS = Path("models/cnn")


def train_replicate(crops: Path, run: str, seed: int, settings: Settings, replicate: int) -> dict[str, Any]:
    """One training, in a process that imports what it needs; this one does not."""
    from pipeline.training.cnn import train

    return train(crops, run, seed, settings, replicate)


def main(run: str) -> None:
    params = read_params()
    settings = check(Settings, read_run(params, "cnn", run), f"cnn.runs.{run}")
    compute = check(Compute, section(params, "compute"), "compute")
    train = partial(train_replicate, CROPS.resolve(), run, read_seed(params), settings)
    with whole_folder(MODELS / run) as folder:
        replicates = run_replicates(train, settings.seeds, compute, settings.device)
        write_run(folder, settings.model_dump(), replicates)
        if settings.snapshot_epoch:
            for index, replicate in enumerate(replicates):
                (folder / f"snapshot_{index}.safetensors").write_bytes(save(replicate["snapshot"]))


if __name__ == "__main__":
    run_stage(main, *sys.argv[1:])
