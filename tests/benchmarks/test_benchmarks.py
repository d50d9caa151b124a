"""The benchmarks: each contender does the work of the pipeline, and results.csv keeps its other cases."""

import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image

from benchmarks import run, straightforward
from benchmarks.measuring import NEEDS, OURS, Row, Task
from benchmarks.training_cases import CNN_PEERS, MLP_PEERS, ours, report_runs, task_of
from pipeline.common.crops import load_crops
from pipeline.common.paths import CROP_ARRAYS, CROP_FILES, DIGITS
from tests.small_trainings import make_crops, make_digits


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The prepared data of a workspace, but few."""
    folder = tmp_path_factory.mktemp("workspace")
    (folder / DIGITS).parent.mkdir()
    make_digits(folder / DIGITS)
    make_crops(folder / CROP_ARRAYS)
    crops = load_crops(folder / CROP_ARRAYS)
    for number, pixels in enumerate(crops.resized):
        split, label = "test" if crops.test[number] else "train", crops.classes[crops.label[number]]
        file = folder / CROP_FILES / split / label / f"{number:05}_photograph.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.transpose(1, 2, 0)).save(file)
    return folder


def small_task(workspace: Path, part: str, run: str, epochs: int) -> Task:
    task = task_of(workspace, part, run, epochs)
    return task._replace(settings=task.settings | {"batch_size": min(8, task.settings["batch_size"])})


@pytest.mark.parametrize(
    ("part", "name", "peer"),
    [("mlp", "h32_16", peer) for peer in MLP_PEERS]
    + [("cnn", name, peer) for name in ("sgd", "own_size") for peer in CNN_PEERS],
)
def test_a_peer_arrives_at_the_loss_of_the_pipeline(workspace: Path, part: str, name: str, peer: str) -> None:
    if not find_spec(NEEDS.get(peer, "sys")):
        pytest.skip(f"{peer} is not installed")
    task = small_task(workspace, part, name, epochs=2)
    contender = (MLP_PEERS | CNN_PEERS)[peer]
    assert contender(task, 1)() == pytest.approx(ours(task, 1)(), rel=0.01)


@pytest.mark.parametrize("part", ["mlp", "cnn"])
def test_straightforward_py_implements_the_runs_of_the_report(workspace: Path, part: str) -> None:
    runs = report_runs(part)
    assert len(runs) > 5
    for name in runs:
        task = small_task(workspace, part, name, epochs=1)
        assert straightforward.train(task, 0)() == pytest.approx(ours(task, 0)(), rel=0.01), name


def test_rows_of_a_case_replace_its_earlier_ones(tmp_path: Path) -> None:
    path = Path(shutil.copy(run.RESULTS, tmp_path / "results.csv"))
    run.write("crop", [Row("crop", OURS, "s", 5.6789, 1.0, None, "", 3, 0.1)], "own.zip", path)
    kept = [
        line for line in run.RESULTS.read_text().splitlines() if line.split(",")[0].split()[0] in run.CASES
    ]
    before = [line for line in kept if not line.startswith("crop")]
    place = next(number for number, line in enumerate(kept) if line.startswith("crop"))
    rows = [*before[:place], f"crop,{OURS},s,5.679,1,,,3,0.1,own.zip", *before[place:]]
    assert path.read_text().splitlines()[1:] == rows
    assert path.with_suffix(".png").is_file()
