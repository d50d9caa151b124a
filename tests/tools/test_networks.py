"""Trained networks in use: the loader, the command that classifies pictures, and ONNX."""

import csv
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from pipeline.common.crops import load_crops
from pipeline.common.runs import write_run
from pipeline.common.seeds import generator
from pipeline.common.storage import load_about, load_arrays, save_arrays
from pipeline.runtime.errors import InputError
from stages.train_cnn.folds import rows_of_fold
from stages.train_cnn.settings import CnnSettings
from stages.train_mlp import training as mlp_training
from stages.train_mlp.settings import MlpSettings
from tests.making import HEADER, PHOTOGRAPH, photograph, picture_bytes, put
from tests.small_trainings import CNN, CNN_CASES, MLP, MLP_CASES, make_crops, make_digits
from tools import classify, export_onnx
from tools.networks import Network, load_network


def train(case: str, folder: Path) -> tuple[Path, np.ndarray, np.ndarray]:
    """The folder of a run, its test samples, and the classes that its training found for them."""
    run = folder / "run"
    run.mkdir()
    if case in MLP_CASES:
        make_digits(folder / "digits.safetensors")
        settings = MlpSettings(**MLP | MLP_CASES[case])
        result = mlp_training.train(folder / "digits.safetensors", case, 0, settings, 0)
        samples = mlp_training.load_samples(folder / "digits.safetensors", settings, 0, 0)["test"].images
    else:
        from stages.train_cnn import training as cnn_training

        make_crops(folder / "crops.safetensors")
        of_cnn = CnnSettings(**CNN | CNN_CASES[case])
        result = cnn_training.train(folder / "crops.safetensors", case, 0, of_cnn, 0)
        crops = load_crops(folder / "crops.safetensors")
        rows = crops.test
        if of_cnn.folds:
            rows = rows_of_fold(crops, of_cnn.folds, 0, generator(0, "folds"))["test"]
        arrays = {"resized": crops.resized, "large": crops.large, "own_size": crops.pooled}
        samples = arrays[of_cnn.crops][rows]
    write_run(run, {}, [result])
    return run, samples, result.predictions["test"]


@pytest.mark.parametrize("case", [*MLP_CASES, *CNN_CASES])
def test_a_network_comes_back_and_onnxruntime_agrees(tmp_path: Path, case: str) -> None:
    run, samples, predictions = train(case, tmp_path)
    network = load_network(run)
    probabilities = network.probabilities(samples)
    assert (probabilities.argmax(axis=1) == predictions).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    export_onnx.main(str(run), str(tmp_path / "network.onnx"))
    written = (tmp_path / "network.onnx").read_bytes()
    pixels = samples.astype(np.float32) / (255 if samples.dtype == np.uint8 else 1)
    if network.about["kind"] == "mlp":
        pixels = pixels.reshape(len(pixels), -1)
    (found,) = onnxruntime.InferenceSession(written).run(None, {"samples": pixels})
    np.testing.assert_allclose(found, probabilities, atol=1e-5)
    export_onnx.main(str(run / "replicate_0.safetensors"), str(tmp_path / "network.onnx"))
    assert (tmp_path / "network.onnx").read_bytes() == written


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run of each part."""
    folders = {part: tmp_path_factory.mktemp(part) for part in ("mlp", "cnn")}
    return {
        "mlp": train("mlp tanh", folders["mlp"])[0],
        "cnn": train("cnn sgd", folders["cnn"])[0],
    }


def test_weights_that_do_not_fit_are_named(networks: dict[str, Path], tmp_path: Path) -> None:
    file = networks["mlp"] / "replicate_0.safetensors"
    weights, about = load_arrays(file), load_about(file)
    with pytest.raises(InputError, match="holds no network; name a folder such as models/mlp/final"):
        load_network(tmp_path)
    save_arrays(tmp_path / "old.safetensors", weights)
    with pytest.raises(InputError, match="does not say what network its weights are of; train it again"):
        load_network(tmp_path / "old.safetensors")
    save_arrays(tmp_path / "other.safetensors", weights, about | {"hidden": [30, 15, 2]})
    with pytest.raises(
        InputError, match=r"layer_0 has the shape \(20, 785\), but the network .* needs \(30, 785\)"
    ):
        load_network(tmp_path / "other.safetensors")


def test_numerals_are_classified(
    networks: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.png", "more/b.jpg"):
        put(tmp_path / "drawn" / name, picture_bytes(photograph(60, 40), "JPEG" if "jpg" in name else "PNG"))
    classify.main([str(networks["mlp"]), str(tmp_path / "drawn"), "--csv"])
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["picture"] for row in rows] == ["a.png", "more/b.jpg"]
    for row in rows:
        shares = {digit: float(row[digit]) for digit in "0123456789"}
        assert (
            sum(shares.values()) == pytest.approx(1, abs=1e-4)
            and max(shares, key=shares.__getitem__) == row["class"]
        )
    classify.main([str(networks["mlp"]), str(tmp_path / "drawn/a.png"), "--draw", str(tmp_path / "out")])
    printed = capsys.readouterr()
    assert printed.out.split()[:3] == ["picture", "class", "0"] and "1 pictures are in" in printed.err
    first = networks["mlp"] / "replicate_0.safetensors"
    assert printed.err.splitlines()[0] == f"classify: uses {first}"
    classify.main([str(first), str(tmp_path / "drawn/a.png")])
    assert capsys.readouterr().err == ""
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["00000_a.jpg"]


def test_faces_are_classified_by_their_boxes_or_whole(
    networks: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "faces"
    put(folder / "a.png", PHOTOGRAPH)
    put(folder / "boxes.csv", (HEADER + "a.png,60,40,any,1,2,30,40\na.png,60,40,any,20,0,60,40\n").encode())
    classify.main([str(networks["cnn"]), str(folder), "--csv", "--draw", str(tmp_path / "out")])
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["box"] for row in rows] == ["1 2 30 40", "20 0 60 40"]
    assert set(rows[0]) == {"picture", "box", "class", "bad", "good", "none"}
    drawn = Image.open(tmp_path / "out/00000_a.jpg")
    assert drawn.size == (1000, 667)
    classify.main([str(networks["cnn"]), str(folder / "a.png"), "--csv"])
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert "box" not in row and row["class"] in ("bad", "good", "none")


def test_a_format_is_chosen_and_invalid_boxes_are_left_out(
    networks: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path / "a.png", PHOTOGRAPH)
    put(tmp_path / "a.txt", b"0 0.5 0.5 0.5 0.5\n")
    put(tmp_path / "boxes.csv", (HEADER + "a.png,60,40,any,1,2,30,40\na.png,60,40,any,9,9,9,9\n").encode())
    given = [str(networks["cnn"]), str(tmp_path), "--csv"]
    with pytest.raises(SystemExit, match="annotations in 2 formats"):
        classify.main(given)
    with pytest.raises(SystemExit, match="line 3"):
        classify.main([*given, "--annotations", "csv"])
    classify.main([*given, "--annotations", "csv", "--invalid-boxes", "skip"])
    assert [row["box"] for row in csv.DictReader(io.StringIO(capsys.readouterr().out))] == ["1 2 30 40"]


def test_classes_may_have_the_names_of_columns(tmp_path: Path) -> None:
    network: Any = SimpleNamespace(
        classes=["box", "class"], probabilities=lambda pixels: np.array([[0.2, 0.8]])
    )
    item = classify.Item("a.png", None, (1, 2, 30, 40), np.zeros(1))
    table = classify.classify(network, [item])
    assert table.columns.tolist() == ["picture", "box", "class", "box (class)", "class (class)"]
    put(tmp_path / "a.png", PHOTOGRAPH)
    assert classify.draw(tmp_path, [item], table, network.classes, tmp_path / "out") == 1


def test_what_cannot_be_used_is_one_line(networks: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="^classify: there is no "):
        classify.main([str(networks["mlp"]), str(tmp_path / "nothing.png")])
    put(tmp_path / "empty/boxes.txt", b"")
    with pytest.raises(SystemExit, match="holds boxes.txt$"):
        classify.main([str(networks["mlp"]), str(tmp_path / "empty")])
    with pytest.raises(SystemExit, match="^classify: .* holds no network"):
        classify.main([str(tmp_path), str(tmp_path)])
    with pytest.raises(SystemExit, match="^export_onnx: .* holds no network"):
        export_onnx.main(str(tmp_path), str(tmp_path / "a.onnx"))
    put(tmp_path / "notes.md", b"# Notes")
    with pytest.raises(SystemExit, match="notes.md exists and is not ONNX; name another file$"):
        export_onnx.main(str(networks["mlp"]), str(tmp_path / "notes.md"))
    with pytest.raises(SystemExit, match="^export_onnx: there is no folder .*new$"):
        export_onnx.main(str(networks["mlp"]), str(tmp_path / "new/a.onnx"))
    assert (tmp_path / "notes.md").read_bytes() == b"# Notes" and not (tmp_path / "new").exists()
    assert isinstance(load_network(networks["cnn"]), Network)
