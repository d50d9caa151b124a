"""Fetch the digits that `data.digits` names.

python -m stages.fetch_digits       writes data/raw/digits/: digits.npz or digits.zip, and source.json
"""

from functools import partial
from pathlib import Path

from pipeline.common.files import write_arrays
from pipeline.common.settings import check, read_params, read_seed, run_stage, section
from pipeline.digits.synthetic import draw_digits
from pipeline.sources.catalogue import DIGITS
from pipeline.sources.fetching import Data, fetch_source

RAW = Path("data/raw/digits")


def write_synthetic(samples: int, seed: int, path: Path) -> None:
    """`samples` drawn numerals as the arrays image (n, 28, 28) and label (n,), both uint8."""
    images, labels = draw_digits(samples, seed)
    write_arrays(path, image=images, label=labels)


def main() -> None:
    params = read_params()
    data = check(Data, section(params, "data"), "data")
    synthesize = partial(write_synthetic, data.synthetic_digits.samples, read_seed(params))
    suffixes = (".npz", ".zip")
    fetch_source("data.digits", data.digits, data.digits_sha256, DIGITS, synthesize, suffixes, RAW)


if __name__ == "__main__":
    run_stage(main)
