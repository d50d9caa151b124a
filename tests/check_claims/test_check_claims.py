"""The stage check_claims, after the evaluation of results made by hand."""

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.common.classes import DIGIT_CLASSES
from pipeline.common.digits import Digits, save_digits
from pipeline.common.paths import DIGITS, DIGITS_NOTES
from pipeline.common.storage import load_arrays, save_arrays
from pipeline.evaluation.claims import read_claims
from pipeline.evaluation.tables import read_replicates
from pipeline.evaluation.verdicts import VERDICTS, Finding
from pipeline.runtime.errors import InputError
from pipeline.runtime.settings import read_params
from stages.check_claims import __main__ as check_claims
from stages.evaluate_cnn import __main__ as evaluate_cnn
from stages.evaluate_mlp import __main__ as evaluate_mlp
from tests.conftest import ROOT
from tests.making import MASK_CLASSES, put


def write_run(folder, truth, batch_size):
    """Two replicates that are right but for the first training sample and the first two of the test set."""
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text(json.dumps({"batch_size": batch_size, "folds": 0}))
    predictions = {split: labels.copy() for split, labels in truth.items()}
    predictions["train"][0] = predictions["test"][:2] = min(2, truth["train"].max())
    arrays = predictions | {f"{split}_truth": labels for split, labels in truth.items()}
    for replicate in (0, 1):
        save_arrays(folder / f"predictions_{replicate}.safetensors", arrays)
    accuracy = {f"{split}_accuracy": (predictions[split] == truth[split]).mean() for split in truth}
    rows = [{"replicate": r, "epoch": 1, "kept": 1, "train_loss": 0.1, **accuracy} for r in (0, 1)]
    pd.DataFrame(rows).to_csv(folder / "curves.csv", index=False)


def set_score(run, score, values):
    """Let the replicates of a run end with these values."""
    path = Path("models") / run / "curves.csv"
    curves = pd.read_csv(path)
    curves[score] = values
    curves.to_csv(path, index=False)


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    """A folder with the results of every stage before check_claims, on data with the name of the report's."""
    folder = tmp_path_factory.mktemp("evaluated")
    for name in ("params.yaml", "claims.yaml"):
        shutil.copy(ROOT / name, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        make_results(folder, MASK_CLASSES)
        evaluate_mlp.main()
        evaluate_cnn.main()
    return folder


@pytest.fixture
def results(evaluated, tmp_path, monkeypatch):
    """A copy of it, for a test to change."""
    monkeypatch.chdir(shutil.copytree(evaluated, tmp_path / "project"))


def make_results(folder, classes, digit_classes=DIGIT_CLASSES):
    number, digit_number = len(classes), len(digit_classes)
    digits = {"train": np.arange(200) % digit_number, "test": np.arange(100) % digit_number}
    masks = {"train": np.arange(60) % number, "test": np.arange(40) % number}
    digits["test"][:2] = min(3, digit_number - 1)  # taken for a 2 by write_run
    none = np.zeros((1, 28, 28), np.uint8)
    put(DIGITS, b"")
    save_digits(DIGITS, dict.fromkeys(digits, Digits(none, np.zeros(1, np.uint8))), digit_classes)
    for part, truth in (("mlp", digits), ("cnn", masks)):
        for run in read_params()[part]["runs"]:
            write_run(folder / "models" / part / run, truth, 32)
    set_score("mlp/long", "epoch", 130)  # past 120, as C6 needs
    for part, source in check_claims.SOURCES.items():
        name = read_claims().data[part].source
        put(source / "source.json", json.dumps({"source": name}).encode())
    put(DIGITS_NOTES, b'{"sheets": 30}')
    sides, longer = 10 + np.arange(100), 50 * (np.arange(100) % 2)  # wide and high boxes in turn
    boxes = {"left": 40, "top": 40, "right": 40 + sides + longer, "bottom": 40 + sides + 50 - longer}
    labels = np.array(classes)[np.concatenate(list(masks.values()))]
    table = pd.DataFrame(boxes).assign(label=labels, split=["train"] * 60 + ["test"] * 40)
    table.to_csv(folder / "data/boxes.csv")
    rows = [
        {"replicate": r, "epoch": epoch, "knn_accuracy": 0.5, "silhouette": 0}
        for epoch in (10, 110)
        for r in (0, 1)
    ]
    Path("plots/separation").mkdir(parents=True)
    for figure in read_params()["project_latents"]:
        pd.DataFrame(rows).to_csv(f"plots/separation/{figure}.csv", index=False)
    return folder


def check():
    """Evaluate what a test has changed, and judge."""
    evaluate_mlp.main()
    evaluate_cnn.main()
    return judged()


def judged():
    """Judge: metrics/claims.json and the rows of claims.csv by id."""
    check_claims.main()
    table = pd.read_csv("plots/claims/claims.csv", keep_default_na=False).set_index("id")
    return json.loads(Path("metrics/claims.json").read_text()), table


def test_every_claim_has_a_verdict(results):
    metrics, table = judged()
    assert metrics["total"] == len(table) == 199 + 19 + 6
    counts = {verdict: (table.verdict == verdict).sum() for verdict in VERDICTS}
    assert metrics == counts | {"total": sum(counts.values())}
    assert metrics["not_comparable"] == 0


def test_values_are_compared_with_the_mean_of_the_replicates(results):
    set_score("mlp/h64_32", "test_accuracy", [0.89, 0.91])
    _, table = check()
    row = table.loc["T1.h64_32.test_accuracy"]
    assert [float(row[key]) for key in ("report", "ours", "tolerance")] == [0.9018, 0.9, 0.025]
    assert row.verdict == "passed"
    assert float(row["std"]) == pytest.approx(0.02 / 2**0.5, rel=1e-5) and int(float(row.samples)) == 100
    assert float(table.ours["T1.h64_32.reported_loss"]) == pytest.approx(0.1 / 32)


def test_a_score_that_moves_flips_its_verdicts_and_no_other(results):
    set_score("mlp/rate_0_01", "train_accuracy", [0.90, 0.91])
    set_score("mlp/rate_0_001", "train_accuracy", [0.80, 0.81])
    set_score("mlp/rate_0_01", "test_accuracy", [0.83, 0.84])
    set_score("mlp/rate_0_001", "test_accuracy", [0.73, 0.72])
    before, old = check()
    set_score("mlp/rate_0_001", "test_accuracy", [0.85, 0.86])
    after, new = check()
    flipped = new.verdict[new.verdict != old.verdict].to_dict()
    assert flipped == {"C4": "failed", "T3.rate_0_001.test_accuracy": "failed"}
    assert after["failed"] == before["failed"] + 2 and after["passed"] == before["passed"] - 2


def test_on_drawn_data_values_are_not_comparable_and_orders_are(results):
    (check_claims.SOURCES["mlp"] / "source.json").write_text('{"source": "synthetic"}')
    metrics, table = judged()
    values = table[table.kind == "value"]
    digits = values.index.str.match(r"F4|T[1-8]\.")
    assert set(values.verdict[digits]) == {"not_comparable"}
    assert "not_comparable" not in set(values.verdict[~digits])
    assert "not_comparable" not in set(table.verdict[table.kind != "value"])
    assert metrics["not_comparable"] == 45 + 88


def test_on_data_other_than_the_report_s_values_are_not_comparable_and_orders_are(results):
    put(check_claims.SOURCES["cnn"] / "source.json", b'{"source": "own"}')
    _, table = judged()
    values = table.verdict[table.index.str.match(r"T(9|1[0-4])\.")]
    assert set(values) == {"not_comparable"} and table.verdict["C14"] != "not_comparable"


def test_claims_about_a_class_that_the_data_lack_are_not_comparable(tmp_path, monkeypatch):
    for name in ("params.yaml", "claims.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    make_results(tmp_path, ("bad", "good"))
    put(check_claims.SOURCES["cnn"] / "source.json", b'{"source": "own"}')
    _, table = check()
    assert table.verdict[["C17", "C18", "T13.final.test_accuracy_none"]].tolist() == ["not_comparable"] * 3
    assert "training accuracy of none without samples" in table.evidence["C17"]
    assert table.verdict["C14"] in ("passed", "failed")
    assert "recall" in json.loads(Path("metrics/cnn/final.json").read_text())


@pytest.mark.parametrize(
    "names",
    [["0", "1"], [chr(ord("A") + n) for n in range(26)], [str(n) for n in range(26)]],
    ids=["two numerals", "letters", "numbers"],
)
def test_claims_about_a_numeral_are_not_comparable_on_other_classes(tmp_path, monkeypatch, names):
    """Among 26 numbers a 3 need not be the numeral."""
    for name in ("params.yaml", "claims.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    make_results(tmp_path, MASK_CLASSES, names)
    put(check_claims.SOURCES["mlp"] / "source.json", b'{"source": "own"}')
    metrics, table = check()
    assert metrics["total"] == 224
    cells = table[table.index.str.match(r"F4\.|C12$")]
    assert len(cells) == 89 and set(cells.verdict) == {"not_comparable"} and set(cells.ours) == {""}
    assert table.evidence["F4.test.3.2"] == "final: test samples of 3 taken for 2 without samples"
    assert set(table.verdict[["C1", "C3", "C7", "O4"]]) <= {"passed", "failed"}
    assert (
        table.verdict["T1.h64_32.test_accuracy"] == "not_comparable"
        and table.verdict["C13"] == "contradicted"
    )


def test_the_errors_of_the_final_network_are_contradicted(results):
    metrics, table = judged()
    assert metrics["contradicted"] == 1
    assert (float(table.report["C13"]), float(table.ours["C13"])) == (120, 2)
    assert "row 3: 600 - 436 = 164" in table.evidence["C13"] and "together 669" in table.evidence["C13"]


def test_the_most_frequent_error_is_found(results):
    assert judged()[1].verdict["C12"] == "passed"
    for replicate in (0, 1):
        path = Path(f"models/mlp/final/predictions_{replicate}.safetensors")
        predictions = load_arrays(path)
        predictions["test"][14:45:10] = 5  # four 4s taken for a 5
        save_arrays(path, predictions)
    assert check()[1].verdict["C12"] == "failed"


def test_the_plain_mean_is_shown_beside_the_reported_loss(results):
    for run, batch_size, losses in (("batch_8", 8, [0.05, 0.051]), ("batch_16", 16, [0.09, 0.091])):
        set_score(f"mlp/{run}", "train_loss", losses)
        Path(f"models/mlp/{run}/settings.json").write_text(json.dumps({"batch_size": batch_size}))
    _, table = check()
    reported, plain = table.evidence["C5"].split("; not judged: ", 1)
    assert "batch_8: loss / batch size" in reported and "probability 0.99" in reported
    assert "batch_8: training loss 0.0505" in plain and "probability 0.0" in plain


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mlp.h9.test_accuracy", "claims.yaml: mlp.h9: not among `runs`, which lists what claims may name"),
        ("mlp.h64_32.accuracy", "C1 names mlp.h64_32.accuracy; mlp.h64_32 has train_accuracy, test_accuracy"),
    ],
)
def test_a_claim_about_nothing_is_named(results, name, message):
    text = Path("claims.yaml").read_text().replace("greater: [mlp.h64_32.test_accuracy", f"greater: [{name}")
    Path("claims.yaml").write_text(text)
    with pytest.raises(InputError, match=message):
        judged()
    assert not Path("metrics/claims.json").exists()


def test_what_a_run_or_figure_that_is_gone_has_left_is_not_read(results):
    """What git leaves there, as it does not know it."""
    _, before = judged()
    separation = Path("plots/separation/mine.csv")
    separation.write_text("no table")
    for name in ("replicates.csv", "class_accuracy.csv"):
        path = Path("plots/mlp") / name
        header, first, *rest = path.read_text().splitlines()
        run, *values = first.split(",")
        of_mine = ",".join(["mine", *(value if "." not in value else "9.5" for value in values)])
        path.write_text("\n".join([header, of_mine, first, *rest, ""]))
    _, after = judged()
    assert after.equals(before)


def test_a_figure_that_was_not_made_is_named(results):
    Path("plots/separation/F2_latents_20_15.csv").unlink()
    said = "plots/separation/F2_latents_20_15.csv is missing; `dvc repro project_latents` makes it"
    with pytest.raises(InputError, match=said):
        judged()


def test_a_small_crop_is_one_whose_shorter_side_is_short(results):
    judged()
    measured = read_replicates("cnn", ["final"])
    # Of 40 crops the first ten have the shortest sides, and write_run gives two of these a wrong class.
    assert measured["cnn.final.test_error_small_crops"].tolist() == [0.2, 0.2]
    assert measured["cnn.final.test_error_other_crops"].tolist() == [0, 0]


def test_the_table_has_six_digits_and_the_stage_ends_with_a_line(results, capsys):
    set_score("mlp/h64_32", "test_accuracy", [0.9, 0.90001])
    metrics, _ = check()
    header, first, *_ = Path("plots/claims/claims.csv").read_text().splitlines()
    names = [field.name for field in dataclasses.fields(Finding)]
    assert header == ",".join(names)
    second = Path("plots/claims/claims.csv").read_text().splitlines()[2]
    assert "0.900005,7.07107e-06," in second, "as in C, with a small e"
    counts = ", ".join(f"{metrics[verdict]} {verdict}" for verdict in VERDICTS)
    assert capsys.readouterr().out == f"224 claims: {counts}\n"


def test_an_order_is_beside_the_gap_of_its_own_table(results):
    """[64, 32] has a test accuracy of 0.9018 in T1, where C1 is from, and of 0.8989 in T2, where C3 is."""
    set_score("mlp/h64_32", "test_accuracy", [0.70, 0.71])
    _, table = check()
    assert float(table.report["C1"]) == pytest.approx(0.9018 - 0.8985)
    assert float(table.report["C3"]) == pytest.approx(0.8989 - 0.8720)


def test_a_second_check_changes_no_byte(results):
    judged()
    first = [path.read_bytes() for path in (Path("metrics/claims.json"), Path("plots/claims/claims.csv"))]
    judged()
    assert first == [
        path.read_bytes() for path in (Path("metrics/claims.json"), Path("plots/claims/claims.csv"))
    ]


def test_checking_does_not_wait_for_torch():
    code = "import sys, stages.check_claims.__main__; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_the_report_s_data_are_known_by_the_samples_of_all_splits(results):
    put(check_claims.SOURCES["mlp"] / "source.json", b'{"source": "own"}')
    rows, (first, *others) = [], read_params()["mlp"]["runs"]
    for name, count in read_claims().data["mlp"].samples.items():
        for split, samples in (("train", count - 500), ("validation", 200), ("test", 300)):
            rows.append((first, split, name, 0.9, 0.0, samples))
    columns = ["run", "split", "class", "accuracy", "std", "samples"]
    table = pd.DataFrame(rows, columns=columns)
    of_others = pd.concat([table.assign(run=run, samples=1) for run in others])
    pd.concat([table, of_others]).to_csv("plots/mlp/class_accuracy.csv", index=False)
    assert judged()[1].verdict["T1.h64_32.train_accuracy"] != "not_comparable"
    without = table[table.split != "validation"]
    pd.concat([without, of_others]).to_csv("plots/mlp/class_accuracy.csv", index=False)
    assert judged()[1].verdict["T1.h64_32.train_accuracy"] == "not_comparable"


def test_the_largest_class_is_that_of_the_test_set():
    rows = [("a", "train", "x", 900), ("a", "test", "x", 15), ("a", "test", "y", 148 - 15)]
    accuracy = pd.DataFrame(rows, columns=["run", "split", "class", "samples"])
    # 15 of 148 have the interval 0.0624 to 0.1605 (Newcombe, 1998), and the others what that leaves.
    assert check_claims.largest_share(accuracy) == pytest.approx(1 - 0.0624, abs=5e-5)
