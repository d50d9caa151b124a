"""Fetch the photographs and boxes that `data.masks` names.

python -m stages.fetch_masks        writes data/raw/masks/: masks.zip and source.json
"""

from pathlib import Path

from pipeline.common.compute import Compute
from pipeline.common.settings import check, read_params, read_seed, run_stage, section
from pipeline.masks.synthetic import write_masks
from pipeline.sources.catalogue import MASKS
from pipeline.sources.fetching import Data, fetch_source

RAW = Path("data/raw/masks")


def main() -> None:
    params = read_params()
    data = check(Data, section(params, "data"), "data")
    compute = check(Compute, section(params, "compute"), "compute")
    seed, photographs = read_seed(params), data.synthetic_masks.photographs

    def synthesize(path: Path) -> None:
        write_masks(path, photographs, seed, compute)

    fetch_source("data.masks", data.masks, data.masks_sha256, MASKS, synthesize, (".zip",), RAW)


if __name__ == "__main__":
    run_stage(main)
