"""Fetch the photographs and boxes that `data.masks` names.

python -m stages.fetch_masks        writes data/raw/masks/: masks.zip and source.json
"""

from functools import partial

from pipeline.common.paths import RAW_MASKS
from pipeline.runtime.compute import Compute
from pipeline.runtime.process import run_stage
from pipeline.runtime.settings import check, read_params, read_seed, section
from pipeline.sources.catalogue import MASKS
from pipeline.sources.raw_source import fetch_source
from pipeline.sources.settings import Data
from stages.fetch_masks.archive import write_masks


def main() -> None:
    params = read_params()
    data = check(Data, section(params, "data"), "data")
    compute = check(Compute, section(params, "compute"), "compute")
    synthesize = partial(write_masks, data.synthetic_masks.photographs, read_seed(params), compute)
    fetch_source("data.masks", data.masks, data.masks_sha256, MASKS, synthesize, (".zip",), RAW_MASKS)


if __name__ == "__main__":
    run_stage(main)
