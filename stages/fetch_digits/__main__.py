"""Fetch the digits that `data.digits` names.

python -m stages.fetch_digits       writes data/raw/digits/: digits.npz or digits.zip, and source.json
"""

from functools import partial

from pipeline.common.paths import RAW_DIGITS
from pipeline.runtime.process import run_stage
from pipeline.runtime.settings import check, read_params, read_seed, section
from pipeline.sources.catalogue import DIGITS
from pipeline.sources.raw_source import fetch_source
from pipeline.sources.settings import Data
from stages.fetch_digits.numerals import write_digits


def main() -> None:
    params = read_params()
    data = check(Data, section(params, "data"), "data")
    synthesize = partial(write_digits, data.synthetic_digits.samples, read_seed(params))
    suffixes = (".npz", ".zip")
    fetch_source("data.digits", data.digits, data.digits_sha256, DIGITS, synthesize, suffixes, RAW_DIGITS)


if __name__ == "__main__":
    run_stage(main)
