"""Where the stages read and write; dvc.yaml states the same paths, as tests/test_dependencies.py checks."""

from pathlib import Path

PARAMS = Path("params.yaml")
CLAIMS = Path("claims.yaml")
REQUIREMENTS = Path("requirements.txt")
SETTINGS = Path("settings")  # settings/<part>/<run>.json, where a part is mlp or cnn

RAW_DIGITS = Path("data/raw/digits")
RAW_MASKS = Path("data/raw/masks")
SOURCE = "source.json"  # in RAW_DIGITS and RAW_MASKS: where the data are from
MASKS_ARCHIVE = RAW_MASKS / "masks.zip"
DIGITS = Path("data/digits.safetensors")
DIGITS_NOTES = Path("data/digits.json")  # how the source was read
CROP_ARRAYS = Path("data/crops.safetensors")
CROP_FILES = Path("data/crops")
BOXES = Path("data/boxes.csv")
BOXES_NOTES = Path("data/boxes.json")  # how the source was read

MODELS = Path("models")  # models/<part>/<run>
METRICS = Path("metrics")  # metrics/<part>/<run>.json
PLOTS = Path("plots")
LATENTS = PLOTS / "latents"  # <figure>.csv
SEPARATION = PLOTS / "separation"  # <figure>.csv
FINDINGS = PLOTS / "claims" / "claims.csv"  # a row for each claim
REPORT = Path("report")
