"""The verdicts of claims, on measures made by hand."""

import math

import numpy as np
import pytest
from scipy import stats

from pipeline.evaluation import claims as schema
from pipeline.evaluation import statistics
from pipeline.evaluation.verdicts import Finding
from pipeline.runtime.errors import InputError
from stages.check_claims import judge
from tests.evaluation.test_claims import CLAIMS
from tests.evaluation.test_statistics import pair


def test_a_figure_is_told_with_all_that_it_was_judged_by():
    figure = schema.ReportedValue(
        id="T1.a.test_accuracy", where="T1", sentence="a is good", measure="mlp.a.test_accuracy",
        samples="mlp.a.test_samples", report=0.9, absolute=None, relative=None, beyond_wilson=0.01,
    )  # fmt: skip
    measured = {"mlp.a.test_accuracy": pair(0.84, 0.02), "mlp.a.test_samples": np.array([100])}
    # The interval of 90 out of 100 by Wilson's formula: (0.9 + 1.92 / 100 ± 1.96 * 0.03155) / 1.0384.
    assert judge.judge_value(figure, measured, True) == Finding(
        id="T1.a.test_accuracy", where="T1", kind="value", sentence="a is good", report=0.9,
        ours=pytest.approx(0.84), std=pytest.approx(0.02), tolerance=pytest.approx(0.01 + 0.0596, abs=5e-5),
        verdict="passed", samples=100, wilson_low=pytest.approx(0.8256, abs=5e-5),
        wilson_high=pytest.approx(0.9448, abs=5e-5), evidence=["a: test accuracy 0.84 ± 0.02"],
    )  # fmt: skip
    one = {"mlp.a.test_accuracy": np.array([0.82])}
    assert judge.judge_value(figure._replace(samples=None, absolute=0.1), one, False) == Finding(
        id="T1.a.test_accuracy", where="T1", kind="value", sentence="a is good", report=0.9, ours=0.82,
        tolerance=0.1, verdict="not_comparable", evidence=["a: test accuracy 0.82"],
    )  # fmt: skip


def test_an_order_is_told_by_its_weakest_comparison_and_all_that_was_compared():
    measured = {"mlp.a.x": pair(0.9, 0.001), "mlp.b.x": pair(0.8, 0.001), "mlp.c.x": pair(0.78, 0.02)}
    claim = schema.Claim(
        where="T1",
        kind="ordering",
        sentence="a is best",
        holds=[schema.Greater(greater=["mlp.a.x", "mlp.b.x", "mlp.c.x"], by=0.01)],
        also=[schema.Alike(alike=["mlp.a.x", "mlp.b.x"], within=0.5)],
    )
    weakest = (
        1
        - stats.ttest_ind(
            measured["mlp.b.x"] - 0.01, measured["mlp.c.x"], equal_var=False, alternative="greater"
        ).pvalue
    )
    evidence = [
        "a: x 0.9 ± 0.001 is greater than b: x 0.8 ± 0.001 by 0.01: probability 1.000",
        f"b: x 0.8 ± 0.001 is greater than c: x 0.78 ± 0.02 by 0.01: probability {weakest:.3f}",
        "not judged: a: x 0.9 ± 0.001 is near b: x 0.8 ± 0.001 within 0.5: probability 1.000",
    ]
    reported = {"mlp.b.x": 0.85, "mlp.c.x": 0.8}
    for required, verdict in ((0.6, "passed"), (0.9, "failed")):
        assert judge.judge_comparisons("C1", claim, measured, reported, required) == Finding(
            id="C1", where="T1", kind="ordering", sentence="a is best", report=pytest.approx(0.05),
            ours=pytest.approx(0.02), tolerance=0.01, probability=pytest.approx(weakest), verdict=verdict,
            evidence=evidence,
        )  # fmt: skip


def test_a_comparison_that_has_no_probability_is_the_weakest():
    measured = {"mlp.a.x": pair(0.8, 0), "mlp.b.x": pair(0.9, 0), "mlp.c.x": np.array([0.7])}
    greater = schema.Greater(greater=["mlp.a.x", "mlp.b.x", "mlp.c.x"])
    claim = schema.Claim(where="T1", kind="ordering", sentence="", holds=[greater])
    found = judge.judge_comparisons("C1", claim, measured, {}, 0.9)
    assert math.isnan(found.probability) and found.ours == pytest.approx(0.2) and found.report is None
    assert found.verdict == "not_comparable"
    assert "b: x 0.9 ± 0 is greater than c: x 0.7: probability unknown" in found.evidence


def test_errors_are_told_of_the_split_that_contradicts_most():
    def counts(*rows):
        return schema.Counts(samples=100, rows={n: [*row, *[None] * 7] for n, row in enumerate(rows)})

    confusion = schema.Confusion(
        part="mlp", run="final", beyond_wilson=0.01,
        train=counts((40, 1, 0), (0, 50, 2)), test=counts((40, 3, 1), (4, 50, None)),
    )  # fmt: skip
    errors = {"train": 20, "test": 5}  # beside 3 and 8 that can be read
    claim = schema.Claim(where="F4", kind="contradicted", sentence="few errors", errors=errors)
    measured = {"mlp.final.test_error": np.array([0.02, 0.04]), "mlp.final.test_samples": np.array([50, 50])}
    assert judge.judge_errors("C13", claim, confusion, measured) == Finding(
        id="C13", where="F4", kind="contradicted", sentence="few errors", report=5, ours=pytest.approx(1.5),
        std=pytest.approx(0.5**0.5), verdict="contradicted",
        evidence=["row 0: 44 - 40 = 4", "row 1: 54 - 50 = 4", "together 8 test errors, not 5"],
    )  # fmt: skip


def test_a_measure_that_is_not_there_is_named_with_twelve_that_are():
    measured = {f"mlp.a.s{number}": np.zeros(2) for number in range(20)} | {"mlp.ab.t": np.zeros(2)}
    with pytest.raises(InputError) as error:
        judge.find(measured, "mlp.a.accuracy", "C1")
    there = ", ".join(f"s{number}" for number in range(12))
    assert str(error.value) == f"claims.yaml: C1 names mlp.a.accuracy; mlp.a has {there}, ..."


@pytest.mark.parametrize("missing", ["mlp.final.test_error", "mlp.final.test_samples"])
def test_a_figure_and_a_number_of_errors_name_themselves_where_a_measure_is_missing(missing):
    measured = {f"mlp.final.test_{score}": np.array([0.1, 0.2]) for score in ("error", "samples")}
    del measured[missing]
    figure = schema.table_values(CLAIMS.tables)[0]
    figure = figure._replace(measure="mlp.final.test_error", samples="mlp.final.test_samples")
    with pytest.raises(InputError, match=f"{figure.id} names {missing}"):
        judge.judge_value(figure, measured, True)
    claim = CLAIMS.claims["C13"].model_copy(update={"errors": {"test": 120}})
    with pytest.raises(InputError, match=f"C13 names {missing}"):
        judge.judge_errors("C13", claim, CLAIMS.confusion, measured)


@pytest.mark.parametrize("missing", ["mlp.a.x", "mlp.b.x", "mlp.c.x"])
def test_an_order_names_itself_where_a_measure_is_missing(missing):
    measured = {f"mlp.{run}.y": np.zeros(2) for run in "abc"}
    measured |= {f"mlp.{run}.x": np.zeros(2) for run in "abc" if f"mlp.{run}.x" != missing}
    holds, also = (schema.Greater(greater=[f"mlp.{run}.x" for run in runs]) for runs in ("ab", "bc"))
    claim = schema.Claim(where="T1", kind="ordering", sentence="", holds=[holds], also=[also])
    with pytest.raises(InputError, match=f"C1 names {missing}"):
        judge.judge_comparisons("C1", claim, measured, {}, 0.9)


def measures_of(**accuracies):
    """The test accuracy of runs of part 1, each with two replicates."""
    return {f"mlp.{run}.test_accuracy": pair(value, 0.001) for run, value in accuracies.items()}


def claim_of(*comparisons):
    return schema.Claim(where="T1", kind="ordering", sentence="", holds=list(comparisons))


ORDER = schema.Greater(greater=["mlp.a.test_accuracy", "mlp.b.test_accuracy"])
LIKENESS = schema.Alike(alike=["mlp.a.test_accuracy", "mlp.b.test_accuracy"], within=0.5)


def test_networks_that_have_learnt_nothing_prove_nothing():
    baselines = {"mlp.a": 0.15, "mlp.b": 0.15}
    reason = "a, b: no better than to name the largest class".replace("a, b", "mlp.a, mlp.b")
    assert judge.why_not_judged(claim_of(ORDER), measures_of(a=0.14, b=0.1), baselines) == reason
    assert judge.why_not_judged(claim_of(ORDER), measures_of(a=0.9, b=0.1), baselines) == ""
    assert judge.why_not_judged(claim_of(LIKENESS), measures_of(a=0.9, b=0.1), baselines) == reason
    assert judge.why_not_judged(claim_of(LIKENESS), measures_of(a=0.9, b=0.8), baselines) == ""


def test_the_largest_class_is_that_of_the_run_s_own_test_set():
    """Folds and sheets have others: the better network of an order counts."""
    measured = measures_of(a=0.5, b=0.1)
    assert judge.why_not_judged(claim_of(ORDER), measured, {"mlp.a": 0.4, "mlp.b": 0.9}) == ""
    assert judge.why_not_judged(claim_of(ORDER), measured, {"mlp.a": 0.6, "mlp.b": 0.2})


def test_a_claim_is_judged_only_where_it_has_what_it_needs():
    """C6: a run that stops before epoch 120 has not trained on."""
    claim = claim_of(ORDER).model_copy(update={"needs": {"mlp.a.epochs": 120}})
    measured, baselines = measures_of(a=0.9, b=0.8), {"mlp.a": 0.1, "mlp.b": 0.1}
    for epochs, reason in ((121, ""), (120, "a: epochs trained 120, not more than 120")):
        measured["mlp.a.epochs"] = np.array([epochs - 1, epochs + 1])
        assert judge.why_not_judged(claim, measured, baselines) == reason


def test_an_error_is_compared_with_the_largest_other_in_each_replicate():
    """3 for 2 leads in the second replicate alone; the other error that is compared is never itself."""
    matrices = {"3_2": [0.04, 0.06], "2_3": [0.05, 0.01], "1_0": [0.01, 0.05], "3_3": [0.9, 0.88]}
    measured = {f"mlp.final.test_confusion_{cell}": np.array(each) for cell, each in matrices.items()}
    measured |= {"mlp.final.train_confusion_2_3": np.ones(2)}
    found = judge.largest_other_errors(CLAIMS, measured)
    assert {name: values.tolist() for name, values in found.items()} == {
        "mlp.final.test_confusion_3_2_others": [0.05, 0.05]
    }


def test_latents_have_learnt_where_their_neighbours_tell_the_classes():
    names = [f"latents.F2_a.{moment}.knn_accuracy" for moment in ("last", "first")]
    claim = claim_of(schema.Greater(greater=names))
    measured = dict(zip(names, (pair(0.5, 0.01), pair(0.2, 0.01)), strict=True))
    assert judge.why_not_judged(claim, measured, {"latents.F2_a": 0.4}) == ""
    assert judge.why_not_judged(claim, measured, {"latents.F2_a": 0.6})


def test_a_claim_about_a_run_that_is_gone_is_not_comparable():
    claim, measured = claim_of(ORDER, LIKENESS), measures_of(a=0.9)
    assert judge.why_not_judged(claim, measured, {"mlp.a": 0.1}) == "params.yaml has no mlp.b"
    value = schema.table_values(CLAIMS.tables)[0]
    found = judge.judge_value(value, measured, True)
    assert found.verdict == "not_comparable" and found.evidence == ["params.yaml has no mlp.h64_32"]
    found = judge.judge_errors("C13", CLAIMS.claims["C13"], CLAIMS.confusion, measured)
    assert found.verdict == "not_comparable" and math.isnan(found.ours) and found.report == 120


def test_errors_are_contradicted_only_by_more_of_them():
    assert [statistics.errors_verdict(5, legible) for legible in (4, 5, 6)] == [
        "failed",
        "failed",
        "contradicted",
    ]
