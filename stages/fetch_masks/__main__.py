"""Fetch the photographs and boxes that `data.masks` names.

python -m stages.fetch_masks        writes data/raw/masks/: masks.zip and source.json
"""

from pipeline.common.paths import RAW_MASKS
from pipeline.runtime.compute import read_compute
from pipeline.runtime.files import whole_folder
from pipeline.runtime.process import run_stage
from pipeline.runtime.settings import check, read_params, read_seed, section
from pipeline.sources.catalogue import MASKS, SYNTHETIC, Data
from pipeline.sources.raw_source import DRAWN, Wanted, fetch, record
from stages.fetch_masks.photographs import write_masks


def main() -> None:
    params = read_params()
    data = check(Data, section(params, "data"), "data")
    wanted = Wanted("data.masks", data.masks, data.masks_sha256)
    with whole_folder(RAW_MASKS) as folder:
        raw = folder / "masks"
        if wanted.name == SYNTHETIC:
            write_masks(data.synthetic_masks.photographs, read_seed(params), read_compute(params), raw)
            origin = DRAWN
        else:
            origin = fetch(wanted, MASKS, raw)
        summary = record(wanted, origin, raw, (".zip",))
    print(f"{RAW_MASKS}/{summary}")


if __name__ == "__main__":
    run_stage(main)
