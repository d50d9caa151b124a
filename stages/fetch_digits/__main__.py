"""Fetch the digits that `data.digits` names.

python -m stages.fetch_digits       writes data/raw/digits/: source.json and digits.npz, digits.zip or a file
                                    of its own name
"""

from pipeline.common.paths import RAW_DIGITS
from pipeline.runtime.files import whole_folder
from pipeline.runtime.process import run_stage
from pipeline.runtime.settings import check, read_params, read_seed, section
from pipeline.sources.catalogue import DIGITS, SYNTHETIC, Data
from pipeline.sources.raw_source import DRAWN, Wanted, fetch, record
from stages.fetch_digits.numerals import write_digits


def main() -> None:
    params = read_params()
    data = check(Data, section(params, "data"), "data")
    wanted = Wanted("data.digits", data.digits, data.digits_sha256)
    with whole_folder(RAW_DIGITS) as folder:
        raw = folder / "digits"
        if wanted.name == SYNTHETIC:
            write_digits(data.synthetic_digits.samples, read_seed(params), raw)
            origin = DRAWN
        else:
            origin = fetch(wanted, DIGITS, raw)
        summary = record(wanted, origin, raw, (".npz", ".zip", ".csv", ".csv.gz", ".mat"))
    print(f"{RAW_DIGITS}/{summary}")


if __name__ == "__main__":
    run_stage(main)
