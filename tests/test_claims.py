"""The claims: statistics against published and hand-computed values, claims.yaml against the report,
verdicts on results made by hand."""

import dataclasses
import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from scipy import stats

from pipeline.claims import judge as findings
from pipeline.claims import schema as claims
from pipeline.claims import statistics as verdicts
from pipeline.common.settings import InputError, read_params
from pipeline.evaluation import measures
from pipeline.evaluation.scores import Run
from stages import check_claims

CLAIMS = claims.read_claims(ROOT / "claims.yaml")

# The report's tables, row by row: training accuracy, test accuracy, loss, then the classes.
TABLES = {
    "T1": "0.9908 0.9018 0.001522982912986206   0.9936 0.8985 0.0011779387895317244 "
    "0.9999 0.8720 0.0001107692271499326   0.9999 0.8510 0.00015172037504256403",
    "T2": "0.9999 0.8720 0.0001107692271499326   0.9998 0.8899 0.00024855158543373324 "
    "0.9977 0.9075 0.0006880426410740182   0.9921 0.8989 0.0014515771669385946 "
    "0.9753 0.8978 0.0031453042880808802",
    "T3": "0.9914 0.8378 0.0019462965487882546   0.7988 0.7213 0.02477862782140357 "
    "0.9999 0.8720 0.0001107692271499326",
    "T4": "0.999 0.8923 0.00048224379848218715   0.9998 0.8796 0.0003805761410311823 "
    "0.9999 0.8720 0.0001107692271499326",
    "T9": "0.950 0.934 0.158   0.93 0.97 0.27   0.93 0.99 0.27 "
    "0.957 0.820 0.128   0.95 0.98 0.44   0.40 1.00 0.18",
    "T10": "0.950 0.934 0.158   0.93 0.97 0.27   0.93 0.99 0.27 "
    "0.940 0.934 0.186   0.90 0.97 0.27   0.97 0.97 0.36",
    "T11": "0.952 0.926 0.145   0.93 0.98 0.29   0.91 0.97 0.41 "
    "0.950 0.934 0.158   0.93 0.97 0.27   0.93 0.99 0.27",
    "T13": "1.000 0.974 0.385   0.933 0.982 0.273",
    "T14": "0.943 0.852 0.795   0.946 0.782 0.630",
}


def pair(mean, deviation):
    """Two replicates of that mean and sample deviation."""
    return np.array([mean - deviation / 2**0.5, mean + deviation / 2**0.5])


@pytest.mark.parametrize(
    ("right", "samples", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_intervals_are_those_of_newcombe_1998(right, samples, low, high):
    assert verdicts.wilson_interval(right / samples, samples) == pytest.approx((low, high), abs=5e-5)


def test_a_rounded_share_is_the_count_that_it_came_from():
    assert verdicts.wilson_interval(0.27, 22) == verdicts.wilson_interval(6 / 22, 22)


def test_the_probability_of_an_order_by_hand():
    # Each mean has the squared error 2 / 2, so t = 2 / sqrt(2); the t distribution with two degrees of
    # freedom is 1/2 + t / (2 sqrt(2 + t^2)).
    assert verdicts.probability_greater(np.array([2.0, 4.0]), np.array([0.0, 2.0])) == pytest.approx(
        0.5 + 2**0.5 / 4
    )


def test_the_probability_of_an_order_is_that_of_welch():
    rng = np.random.default_rng(0)
    for sizes in ((2, 2), (2, 4), (3, 4)):
        high, low = rng.normal(1, 1, sizes[0]), rng.normal(0, 3, sizes[1])
        expected = 1 - stats.ttest_ind(high - 0.3, low, equal_var=False, alternative="greater").pvalue
        assert verdicts.probability_greater(high, low, 0.3) == pytest.approx(expected)


def test_clear_tied_and_wrong_orders():
    low = pair(0.88, 0.002)
    assert verdicts.probability_greater(pair(0.90, 0.002), low) > 0.98
    assert verdicts.probability_greater(pair(0.88, 0.002), low) == pytest.approx(0.5)
    assert verdicts.probability_greater(pair(0.86, 0.002), low) < 0.02
    assert verdicts.probability_greater(pair(0.90, 0.002), low, by=0.02) == pytest.approx(0.5)
    assert 0.5 < verdicts.probability_greater(pair(0.881, 0.002), low) < 0.9


def test_orders_without_any_spread_are_certain_or_tied():
    one, two = np.array([0.1, 0.1, 0.1]), np.array([0.3, 0.3])
    assert verdicts.probability_greater(two, one) == 1
    assert verdicts.probability_greater(one, one) == 0.5
    assert verdicts.probability_greater(one, two) == 0
    assert verdicts.probability_greater(two, one, by=0.2) == 0.5
    assert verdicts.probability_greater(one + 3e-13, one) == 0.5, "so little is rounding"
    assert verdicts.probability_greater(one + 3e-12, one) == 1


def test_the_probability_of_a_likeness_by_hand():
    one = np.array([0.0, 2.0])  # against itself: t = sqrt(2) / sqrt(2) at either end
    within = verdicts.probability_alike(one, one, 2**0.5)
    assert within == pytest.approx(2 * (0.5 + 1 / (2 * 3**0.5)) - 1)
    assert verdicts.probability_alike(pair(0.93, 0.002), pair(0.82, 0.002), 0.03) < 0.01
    assert verdicts.probability_alike(pair(0.82, 0.002), pair(0.93, 0.002), 0.03) < 0.01


def test_one_replicate_has_no_probability():
    for one in (np.array([0.9]), np.array([math.nan, 0.9])):
        assert math.isnan(verdicts.probability_greater(one, pair(0.1, 0.1)))
        assert math.isnan(verdicts.probability_alike(pair(0.1, 0.1), one, 0.03))
    assert verdicts.ordering_verdict([1.0, math.nan], 0.9) == "not_comparable"


def test_an_order_is_as_sure_as_its_weakest_comparison():
    assert verdicts.ordering_verdict([0.99, 0.9], 0.9) == "passed"
    assert verdicts.ordering_verdict([0.99, 0.89], 0.9) == "failed"


@pytest.mark.parametrize(
    ("ours", "verdict"), [(0.925, "passed"), (0.875, "passed"), (0.9251, "failed"), (0.8749, "failed")]
)
def test_a_value_passes_up_to_the_edge_of_its_tolerance(ours, verdict):
    assert verdicts.value_verdict(0.9, ours, 0.025, True) == verdict
    assert verdicts.value_verdict(0.9, ours, 0.025, False) == "not_comparable"
    assert verdicts.value_verdict(0.9, ours, None, True) == "not_comparable"
    assert verdicts.value_verdict(0.9, math.nan, 0.025, True) == "not_comparable"
    assert verdicts.value_verdict(verdicts.ROUNDING, 0.0, 0.0, True) == "passed"


def test_tolerances_of_each_kind():
    figure = claims.table_figures(CLAIMS.tables)[0]._replace(report=0.2)
    each = {"absolute": None, "relative": None, "beyond_wilson": None}
    assert findings.tolerance_of(figure._replace(**each | {"absolute": 0.01}), None) == 0.01
    assert findings.tolerance_of(figure._replace(**each | {"relative": 0.5}), None) == 0.1
    beyond = figure._replace(**each | {"beyond_wilson": 0.01})
    assert findings.tolerance_of(beyond, (0.1, 0.4)) == pytest.approx(0.16)
    assert findings.tolerance_of(beyond, None) is None


def test_a_figure_is_told_with_all_that_it_was_judged_by():
    figure = claims.Figure(
        id="T1.a.test_accuracy", where="T1", sentence="a is good", measure="mlp.a.test_accuracy",
        samples="mlp.a.test_samples", report=0.9, absolute=None, relative=None, beyond_wilson=0.01,
    )  # fmt: skip
    measured = {"mlp.a.test_accuracy": pair(0.84, 0.02), "mlp.a.test_samples": np.array([100])}
    # The interval of 90 out of 100 by Wilson's formula: (0.9 + 1.92 / 100 ± 1.96 * 0.03155) / 1.0384.
    assert findings.judge_figure(figure, measured, True) == findings.Finding(
        id="T1.a.test_accuracy", where="T1", kind="value", sentence="a is good", report=0.9,
        ours=pytest.approx(0.84), std=pytest.approx(0.02), tolerance=pytest.approx(0.01 + 0.0596, abs=5e-5),
        verdict="passed", samples=100, wilson_low=pytest.approx(0.8256, abs=5e-5),
        wilson_high=pytest.approx(0.9448, abs=5e-5), evidence="mlp.a.test_accuracy 0.84 ± 0.02",
    )  # fmt: skip
    one = {"mlp.a.test_accuracy": np.array([0.82])}
    assert findings.judge_figure(figure._replace(samples=None, absolute=0.1), one, False) == findings.Finding(
        id="T1.a.test_accuracy", where="T1", kind="value", sentence="a is good", report=0.9, ours=0.82,
        tolerance=0.1, verdict="not_comparable", evidence="mlp.a.test_accuracy 0.82",
    )  # fmt: skip


def test_an_order_is_told_by_its_weakest_comparison_and_all_that_was_compared():
    measured = {"mlp.a.x": pair(0.9, 0.001), "mlp.b.x": pair(0.8, 0.001), "mlp.c.x": pair(0.78, 0.02)}
    claim = claims.Claim(
        where="T1",
        kind="ordering",
        sentence="a is best",
        holds=[claims.Greater(greater=["mlp.a.x", "mlp.b.x", "mlp.c.x"], by=0.01)],
        also=[claims.Alike(alike=["mlp.a.x", "mlp.b.x"], within=0.5)],
    )
    weakest = (
        1
        - stats.ttest_ind(
            measured["mlp.b.x"] - 0.01, measured["mlp.c.x"], equal_var=False, alternative="greater"
        ).pvalue
    )
    evidence = (
        "mlp.a.x 0.9 ± 0.001 > mlp.b.x 0.8 ± 0.001 by 0.01: probability 1.000; "
        f"mlp.b.x 0.8 ± 0.001 > mlp.c.x 0.78 ± 0.02 by 0.01: probability {weakest:.3f}; "
        "not judged: mlp.a.x 0.9 ± 0.001 ~ mlp.b.x 0.8 ± 0.001 within 0.5: probability 1.000"
    )
    reported = {"mlp.b.x": 0.85, "mlp.c.x": 0.8}
    for required, verdict in ((0.6, "passed"), (0.9, "failed")):
        assert findings.judge_comparisons("C1", claim, measured, reported, required) == findings.Finding(
            id="C1", where="T1", kind="ordering", sentence="a is best", report=pytest.approx(0.05),
            ours=pytest.approx(0.02), tolerance=0.01, probability=pytest.approx(weakest), verdict=verdict,
            evidence=evidence,
        )  # fmt: skip


def test_a_comparison_that_has_no_probability_is_the_weakest():
    measured = {"mlp.a.x": pair(0.8, 0), "mlp.b.x": pair(0.9, 0), "mlp.c.x": np.array([0.7])}
    greater = claims.Greater(greater=["mlp.a.x", "mlp.b.x", "mlp.c.x"])
    claim = claims.Claim(where="T1", kind="ordering", sentence="", holds=[greater])
    found = findings.judge_comparisons("C1", claim, measured, {}, 0.9)
    assert math.isnan(found.probability) and found.ours == pytest.approx(0.2) and found.report is None
    assert found.verdict == "not_comparable"
    assert "mlp.b.x 0.9 ± 0 > mlp.c.x 0.7: probability nan" in found.evidence


def test_errors_are_told_of_the_split_that_contradicts_most():
    def counts(*rows):
        return claims.Counts(samples=100, rows={n: [*row, *[None] * 7] for n, row in enumerate(rows)})

    confusion = claims.Confusion(
        part="mlp", run="final", beyond_wilson=0.01,
        train=counts((40, 1, 0), (0, 50, 2)), test=counts((40, 3, 1), (4, 50, None)),
    )  # fmt: skip
    errors = {"train": 20, "test": 5}  # beside 3 and 8 that can be read
    claim = claims.Claim(where="F4", kind="contradicted", sentence="few errors", errors=errors)
    measured = {"mlp.final.test_error": np.array([0.02, 0.04]), "mlp.final.test_samples": np.array([50, 50])}
    assert findings.judge_errors("C13", claim, confusion, measured) == findings.Finding(
        id="C13", where="F4", kind="contradicted", sentence="few errors", report=5, ours=pytest.approx(1.5),
        std=pytest.approx(0.5**0.5), verdict="contradicted",
        evidence="row 0: 44 - 40 = 4; row 1: 54 - 50 = 4; together 8 test errors, not 5",
    )  # fmt: skip


def test_a_measure_that_is_not_there_is_named_with_twelve_that_are():
    measured = {f"mlp.a.s{number}": np.zeros(2) for number in range(20)} | {"mlp.ab.t": np.zeros(2)}
    with pytest.raises(InputError) as error:
        findings.find(measured, "mlp.a.accuracy", "C1")
    there = ", ".join(f"s{number}" for number in range(12))
    assert str(error.value) == f"claims.yaml: C1 names mlp.a.accuracy; mlp.a has {there}, ..."


@pytest.mark.parametrize("missing", ["mlp.final.test_error", "mlp.final.test_samples"])
def test_a_figure_and_a_number_of_errors_name_themselves_where_a_measure_is_missing(missing):
    measured = {f"mlp.final.test_{score}": np.array([0.1, 0.2]) for score in ("error", "samples")}
    del measured[missing]
    figure = claims.table_figures(CLAIMS.tables)[0]
    figure = figure._replace(measure="mlp.final.test_error", samples="mlp.final.test_samples")
    with pytest.raises(InputError, match=f"{figure.id} names {missing}"):
        findings.judge_figure(figure, measured, True)
    claim = CLAIMS.claims["C13"].model_copy(update={"errors": {"test": 120}})
    with pytest.raises(InputError, match=f"C13 names {missing}"):
        findings.judge_errors("C13", claim, CLAIMS.confusion, measured)


@pytest.mark.parametrize("missing", ["mlp.a.x", "mlp.b.x", "mlp.c.x"])
def test_an_order_names_itself_where_a_measure_is_missing(missing):
    measured = {f"mlp.{run}.x": np.zeros(2) for run in "abc" if f"mlp.{run}.x" != missing}
    holds, also = (claims.Greater(greater=[f"mlp.{run}.x" for run in runs]) for runs in ("ab", "bc"))
    claim = claims.Claim(where="T1", kind="ordering", sentence="", holds=[holds], also=[also])
    with pytest.raises(InputError, match=f"C1 names {missing}"):
        findings.judge_comparisons("C1", claim, measured, {}, 0.9)


def test_errors_are_contradicted_only_by_more_of_them():
    assert [verdicts.errors_verdict(5, legible) for legible in (4, 5, 6)] == [
        "failed",
        "failed",
        "contradicted",
    ]


@pytest.mark.parametrize("table", TABLES)
def test_every_cell_of_the_tables_is_there(table):
    figures = [figure.report for figure in claims.figures(CLAIMS) if figure.where == table]
    assert figures == [float(number) for number in TABLES[table].split()]


def test_every_cell_is_judged():
    assert set(CLAIMS.tables) == set(TABLES)
    figures = claims.figures(CLAIMS)
    assert all(any((each.absolute, each.relative, each.beyond_wilson)) for each in figures)
    assert len({figure.id for figure in figures}) == len(figures) == 111 + 8 + 80


def test_every_conclusion_is_there():
    assert list(CLAIMS.claims) == [f"C{number}" for number in range(1, 20)]


def test_the_legible_rows_hold_669_errors():
    rows = claims.legible_errors(CLAIMS.confusion.test)
    errors = [126, 164, 93, 29, 51, 73, 50, 83]  # 584 - 458, 600 - 436, 651 - 558, ...
    assert [(truth, total - right) for truth, total, right in rows] == list(enumerate(errors, start=2))
    assert sum(errors) == 669
    assert sum(total - right for _, total, right in claims.legible_errors(CLAIMS.confusion.train)) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("probability: 0.9", "probability: 2"), "`probability`: Input should be less than 1"),
        (("within: 0.03}", "with: 0.03}"), "`claims.C1.holds.2.Alike.with`: Extra inputs"),
        (("kind: range", "kind: rang"), "`claims.C6.kind`"),
        (("tables:\n", "table:\n"), "`tables`: Field required"),
        (("kind: contradicted", "kind: range"), "`claims.C13`: .*a contradicted claim has `errors`"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path, change, message):
    path = tmp_path / "claims.yaml"
    path.write_text((ROOT / "claims.yaml").read_text().replace(*change))
    with pytest.raises(InputError, match=message):
        claims.read_claims(path)


def test_confusions_are_shares_of_all_samples():
    run = Run({}, None, {"test": np.array([[0, 1, 1, 1, 2], [0, 0, 0, 2, 2]])})
    (table,) = measures.confusions(run, {"test": np.array([0, 0, 0, 1, 2], dtype=np.uint8)}, ["a", "b", "c"])
    assert table.test_confusion_a_b.tolist() == [0.4, 0.0]
    assert table.test_confusion_b_c.tolist() == [0.0, 0.2]
    assert table.test_confusion_second.tolist() == [0.0, 0.0]
    assert table.drop(columns="test_confusion_second").sum(axis=1).tolist() == pytest.approx([1, 1])


def test_small_crops_are_the_quarter_with_the_shortest_sides():
    run = Run({}, None, {"test": np.array([[1, 0, 0, 0, 0, 0, 0, 0], [1, 1, 1, 0, 0, 0, 0, 0]])})
    sides = np.array([9, 5, 40, 50, 60, 70, 80, 90])
    found = measures.crop_size_measures("cnn", {"final": run}, np.zeros(8, dtype=int), sides)
    assert found["cnn.final.test_error_small_crops"].tolist() == [0.5, 1.0]
    assert found["cnn.final.test_error_other_crops"].tolist() == pytest.approx([0.0, 1 / 6])


# The whole stage, on results made by hand. Every run of params.yaml has two replicates of the same scores.


def write_run(folder, truth, batch_size):
    """Two replicates that are right but for the first training sample and the first two of the test set."""
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text(json.dumps({"batch_size": batch_size}))
    predictions = {split: np.stack([labels, labels]) for split, labels in truth.items()}
    predictions["train"][:, 0] = predictions["test"][:, :2] = 2
    np.savez(folder / "predictions.npz", **predictions)
    accuracy = {f"{split}_accuracy": (predictions[split] == truth[split]).mean() for split in truth}
    rows = [{"replicate": r, "epoch": 1, "kept": 1, "train_loss": 0.1, **accuracy} for r in (0, 1)]
    pd.DataFrame(rows).to_csv(folder / "curves.csv", index=False)


def set_score(run, score, values):
    """Let the replicates of a run end with these values."""
    path = Path("models") / run / "curves.csv"
    curves = pd.read_csv(path)
    curves[score] = values
    curves.to_csv(path, index=False)


@pytest.fixture
def results(project):
    """A folder with the results of every stage before check_claims, on data that are not drawn."""
    folder = project({})
    shutil.copy(ROOT / "claims.yaml", folder)
    digits = {"train": np.arange(200) % 10, "test": np.arange(100) % 10}
    masks = {"train": np.arange(60) % 3, "test": np.arange(40) % 3}
    digits["test"][:2] = 3  # taken for a 2 by write_run
    for part, truth in (("mlp", digits), ("cnn", masks)):
        for run in read_params()[part]["runs"]:
            write_run(folder / "models" / part / run, truth, 32)
    for source in check_claims.SOURCES.values():
        source.parent.mkdir(parents=True)
        source.write_text('{"source": "own"}')
    np.savez("data/digits.npz", train_labels=digits["train"], test_labels=digits["test"])
    np.savez("data/crops.npz", label=np.concatenate(list(masks.values())), test=np.arange(100) >= 60)
    sides, longer = 10 + np.arange(100), 50 * (np.arange(100) % 2)  # wide and high boxes in turn
    boxes = {"left": 40, "top": 40, "right": 40 + sides + longer, "bottom": 40 + sides + 50 - longer}
    pd.DataFrame(boxes).to_csv("data/boxes.csv")
    shown = [
        ("F1", "latents_16_2"),
        ("F1", "latents_32_16_2"),
        ("F2", "latents_20_15"),
        ("F3", "latents_20_15"),
    ]
    rows = [
        {"figure": figure, "run": run, "replicate": r, "epoch": epoch, "knn_accuracy": 0.5, "silhouette": 0}
        for figure, run in shown
        for epoch in (10, 110)
        for r in (0, 1)
    ]
    Path("plots/latents").mkdir(parents=True)
    pd.DataFrame(rows).to_csv("plots/latents/separation.csv", index=False)
    return folder


def check():
    """Run the stage: metrics/claims.json and the rows of claims.csv by id."""
    check_claims.main()
    table = pd.read_csv("plots/claims/claims.csv", keep_default_na=False).set_index("id")
    return json.loads(Path("metrics/claims.json").read_text()), table


def test_every_claim_has_a_verdict(results):
    metrics, table = check()
    assert metrics["total"] == len(metrics["claims"]) == len(table) == 199 + 19
    found = [claim["verdict"] for claim in metrics["claims"].values()]
    for verdict in check_claims.VERDICTS:
        assert metrics[verdict] == found.count(verdict)
    assert sum(metrics[verdict] for verdict in check_claims.VERDICTS) == metrics["total"]
    assert metrics["not_comparable"] == 0
    assert table.verdict.to_dict() == {name: claim["verdict"] for name, claim in metrics["claims"].items()}
    assert {"report", "ours", "tolerance", "verdict"} <= set(metrics["claims"]["T1.h64_32.test_accuracy"])


def test_values_are_compared_with_the_mean_of_the_replicates(results):
    set_score("mlp/h64_32", "test_accuracy", [0.89, 0.91])
    metrics, table = check()
    assert metrics["claims"]["T1.h64_32.test_accuracy"] == {
        "report": 0.9018,
        "ours": 0.9,
        "tolerance": 0.025,
        "verdict": "passed",
    }
    row = table.loc["T1.h64_32.test_accuracy"]
    assert float(row["std"]) == pytest.approx(0.02 / 2**0.5, rel=1e-5) and int(float(row.samples)) == 100
    assert metrics["claims"]["T1.h64_32.reported_loss"]["ours"] == pytest.approx(0.1 / 32)


def test_a_score_that_moves_flips_its_verdicts_and_no_other(results):
    set_score("mlp/rate_0_01", "train_accuracy", [0.90, 0.91])
    set_score("mlp/rate_0_001", "train_accuracy", [0.80, 0.81])
    set_score("mlp/rate_0_01", "test_accuracy", [0.83, 0.84])
    set_score("mlp/rate_0_001", "test_accuracy", [0.73, 0.72])
    before, _ = check()
    set_score("mlp/rate_0_001", "test_accuracy", [0.85, 0.86])
    after, _ = check()
    flipped = {
        name: claim["verdict"]
        for name, claim in after["claims"].items()
        if claim["verdict"] != before["claims"][name]["verdict"]
    }
    assert flipped == {"C4": "failed", "T3.rate_0_001.test_accuracy": "failed"}
    assert after["failed"] == before["failed"] + 2 and after["passed"] == before["passed"] - 2


def test_on_drawn_data_values_are_not_comparable_and_orders_are(results):
    check_claims.SOURCES["mlp"].write_text('{"source": "synthetic"}')
    metrics, table = check()
    values = table[table.kind == "value"]
    digits = values.index.str.match(r"F4|T[1-8]\.")
    assert set(values.verdict[digits]) == {"not_comparable"}
    assert "not_comparable" not in set(values.verdict[~digits])
    assert "not_comparable" not in set(table.verdict[table.kind != "value"])
    assert metrics["not_comparable"] == 45 + 88


def test_the_errors_of_the_final_network_are_contradicted(results):
    metrics, table = check()
    assert metrics["contradicted"] == 1
    assert metrics["claims"]["C13"] == {"report": 120, "ours": 2, "verdict": "contradicted"}
    assert "row 3: 600 - 436 = 164" in table.evidence["C13"] and "together 669" in table.evidence["C13"]


def test_the_most_frequent_error_is_found(results):
    metrics, _ = check()
    assert metrics["claims"]["C12"]["verdict"] == "passed"
    with np.load("models/mlp/final/predictions.npz") as arrays:
        predictions = dict(arrays)
    predictions["test"][:, 14:45:10] = 5  # four 4s taken for a 5
    np.savez("models/mlp/final/predictions.npz", **predictions)
    metrics, _ = check()
    assert metrics["claims"]["C12"]["verdict"] == "failed"


def test_the_plain_mean_is_shown_beside_the_reported_loss(results):
    for run, batch_size, losses in (("batch_8", 8, [0.05, 0.051]), ("batch_16", 16, [0.09, 0.091])):
        set_score(f"mlp/{run}", "train_loss", losses)
        Path(f"models/mlp/{run}/settings.json").write_text(json.dumps({"batch_size": batch_size}))
    _, table = check()
    reported, plain = table.evidence["C5"].split("; not judged: ", 1)
    assert "mlp.batch_8.reported_loss" in reported and "probability 0.99" in reported
    assert "mlp.batch_8.train_loss 0.0505" in plain and "probability 0.0" in plain


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mlp.h9.test_accuracy", "C1 names mlp.h9.test_accuracy; there is no mlp.h9"),
        ("mlp.h64_32.accuracy", "C1 names mlp.h64_32.accuracy; mlp.h64_32 has train_accuracy, test_accuracy"),
    ],
)
def test_a_claim_about_nothing_is_named(results, name, message):
    text = Path("claims.yaml").read_text().replace("greater: [mlp.h64_32.test_accuracy", f"greater: [{name}")
    Path("claims.yaml").write_text(text)
    with pytest.raises(InputError, match=message):
        check_claims.main()
    assert not check_claims.METRICS.exists()


def test_a_small_crop_is_one_whose_shorter_side_is_short(results):
    measured = check_claims.mask_measures(read_params())
    # Of 40 crops the first ten have the shortest sides, and write_run gives two of these a wrong class.
    assert measured["cnn.final.test_error_small_crops"].tolist() == [0.2, 0.2]
    assert measured["cnn.final.test_error_other_crops"].tolist() == [0, 0]


def test_the_table_has_six_digits_and_the_stage_ends_with_a_line(results, capsys):
    set_score("mlp/h64_32", "test_accuracy", [0.9, 0.90001])
    metrics, _ = check()
    header, first, *_ = (check_claims.PLOTS / "claims.csv").read_text().splitlines()
    names = [field.name for field in dataclasses.fields(findings.Finding)]
    assert header == ",".join(names)
    second = (check_claims.PLOTS / "claims.csv").read_text().splitlines()[2]
    assert "0.900005,7.07107e-06," in second, "as in C, with a small e"
    counts = ", ".join(f"{metrics[verdict]} {verdict}" for verdict in check_claims.VERDICTS)
    assert capsys.readouterr().out == f"218 claims: {counts}\n"


def test_an_order_is_beside_the_gap_of_its_own_table(results):
    """[64, 32] has a test accuracy of 0.9018 in T1, where C1 is from, and of 0.8989 in T2, where C3 is."""
    set_score("mlp/h64_32", "test_accuracy", [0.70, 0.71])
    _, table = check()
    assert float(table.report["C1"]) == pytest.approx(0.9018 - 0.8985)
    assert float(table.report["C3"]) == pytest.approx(0.8989 - 0.8720)


def test_a_second_check_changes_no_byte(results):
    check()
    first = [path.read_bytes() for path in (check_claims.METRICS, check_claims.PLOTS / "claims.csv")]
    check()
    assert first == [path.read_bytes() for path in (check_claims.METRICS, check_claims.PLOTS / "claims.csv")]


def test_checking_does_not_wait_for_torch():
    code = "import sys, stages.check_claims; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
