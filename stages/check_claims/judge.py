"""Judge each claim of the report against the replicates of our runs."""

import math
import re
from collections.abc import Callable, Iterable
from itertools import pairwise, product
from typing import NamedTuple

import numpy as np

from pipeline.common.paths import CLAIMS, PARAMS
from pipeline.evaluation import statistics
from pipeline.evaluation.claims import (
    Alike,
    Claim,
    Claims,
    Confusion,
    Greater,
    Pairs,
    ReportedValue,
    legible_rows,
    reported_values,
)
from pipeline.evaluation.intervals import wilson_interval
from pipeline.evaluation.measures import in_words, measure_of, part_of, score_name, subject
from pipeline.evaluation.verdicts import Finding
from pipeline.runtime.errors import InputError

Measures = dict[str, np.ndarray]  # {measure: (replicates,)}


class Comparison(NamedTuple):
    """Two measures beside each other."""

    report: float | None  # the gap between the report's values, if a table has both
    gap: float
    asked: float
    probability: float
    text: str


def find(measures: Measures, name: str, claim: str) -> np.ndarray:
    """The replicates of a measure; InputError naming the claim that asks for one that does not exist."""
    if name in measures:
        return measures[name]
    run = name.rpartition(".")[0]
    scores = [known.removeprefix(f"{run}.") for known in measures if known.startswith(f"{run}.")]
    there = f"{run} has {', '.join(scores[:12])}, ..." if scores else f"there is no {run}"
    raise InputError(f"{CLAIMS}: {claim} names {name}; {there}")


def deviation(values: np.ndarray) -> float | None:
    """The sample deviation; None of a single replicate."""
    return float(values.std(ddof=1)) if len(values) > 1 else None


def describe(name: str, values: np.ndarray) -> str:
    """For example "h64_32: test accuracy 0.9018 ± 0.0031"."""
    if np.isnan(values).any():
        return f"{in_words(name)} without samples"
    spread = "" if len(values) < 2 else f" ± {deviation(values):.2g}"
    return f"{in_words(name)} {values.mean():.4g}{spread}"


def absent(measures: Measures, names: Iterable[str]) -> str:
    """A message naming the runs and latent figures of these measures that params.yaml lacks; "" if none."""
    unknown = {subject(name) for name in names if name not in measures}
    missing = sorted(unknown - {subject(name) for name in measures}) if unknown else []
    return f"{PARAMS} has no {', '.join(missing)}" if missing else ""


def has_learnt(name: str, measures: Measures, baselines: dict[str, float]) -> bool:
    """Whether the network of a measure is better than one that always names the largest class.

    `baselines` are the upper bounds of the largest class's share of the test samples, by run and figure.
    """
    score = "last.knn_accuracy" if part_of(name) == "latents" else "test_accuracy"
    accuracy = measures[f"{subject(name)}.{score}"].mean()
    return bool(accuracy > baselines[subject(name)])


def tolerance_of(value: ReportedValue, wilson: tuple[float, float] | None) -> float | None:
    """How far the report's value may lie from our mean; None if claims.yaml does not say."""
    if value.relative is not None:
        return value.relative * abs(value.report)
    if value.beyond_wilson is not None and wilson is not None:
        return value.beyond_wilson + (wilson[1] - wilson[0]) / 2
    return value.absolute


def judge_value(value: ReportedValue, measures: Measures, comparable: bool) -> Finding:
    """Compare a number of the report with the mean of our replicates."""
    if missing := absent(measures, [value.measure]):
        return not_comparable(value.id, value.where, "value", value.sentence, missing, report=value.report)
    ours = find(measures, value.measure, value.id)
    samples = int(find(measures, value.samples, value.id)[0]) if value.samples else None
    wilson = wilson_interval(value.report, samples) if samples else None
    tolerance = tolerance_of(value, wilson)
    return Finding(
        id=value.id,
        where=value.where,
        kind="value",
        sentence=value.sentence,
        report=value.report,
        ours=float(ours.mean()),
        std=deviation(ours),
        tolerance=tolerance,
        verdict=statistics.value_verdict(value.report, ours.mean(), tolerance, comparable),
        samples=samples,
        wilson_low=wilson[0] if wilson else None,
        wilson_high=wilson[1] if wilson else None,
        evidence=[describe(value.measure, ours)],
    )


def compare(
    claim: str,
    comparison: Greater | Alike,
    paired: Pairs | None,
    measures: Measures,
    reported: dict[str, float],
) -> list[Comparison]:
    """Compare each measure of a chain with the next."""
    probability: Callable[[np.ndarray, np.ndarray, float, Pairs | None], float]
    if isinstance(comparison, Greater):
        chain, asked, sign = comparison.greater, comparison.by, "is greater than"
        probability = statistics.probability_greater
        limit = f" by {asked:g}" if asked else ""
    else:
        chain, asked, sign = comparison.alike, comparison.within, "is near"
        probability = statistics.probability_alike
        limit = f" within {asked:g}"
    pairs = []
    for name, other in pairwise(chain):
        one, two = find(measures, name, claim), find(measures, other, claim)
        report = reported[name] - reported[other] if {name, other} <= set(reported) else None
        likely = probability(one, two, asked, paired)
        over = f"over {paired} in pairs, " if paired else ""
        shown = "unknown" if math.isnan(likely) else f"{likely:.3f}"
        text = f"{describe(name, one)} {sign} {describe(other, two)}{limit}: {over}probability {shown}"
        pairs.append(Comparison(report, float(one.mean() - two.mean()), asked, likely, text))
    return pairs


def not_comparable(
    name: str, where: str, kind: str, sentence: str, reason: str, report: float | None = None
) -> Finding:
    """The finding of a claim that cannot be judged here."""
    return Finding(
        id=name,
        where=where,
        kind=kind,
        sentence=sentence,
        report=report,
        ours=math.nan,
        verdict="not_comparable",
        evidence=[reason],
    )


def why_not_judged(claim: Claim, measures: Measures, baselines: dict[str, float]) -> str:
    """Why the comparisons of a claim say nothing here; empty if they do.

    The better network of an ordering, and both that are to be alike, must have learnt something: random
    networks are alike too, and differ by chance.
    """
    if missing := absent(measures, [*claim.needs, *(name for each in claim.holds for name in each.measures)]):
        return missing
    for name, least in claim.needs.items():
        if (value := measures[name].mean()) <= least:
            return f"{in_words(name)} {value:.4g}, not more than {least:g}"
    for each in claim.holds:
        learnt = [has_learnt(name, measures, baselines) for name in each.measures]
        if not (any(learnt) if isinstance(each, Greater) else all(learnt)):
            networks = ", ".join(dict.fromkeys(map(subject, each.measures)))
            return f"{networks}: no better than to name the largest class"
    return ""


def judge_comparisons(
    name: str, claim: Claim, measures: Measures, reported: dict[str, float], required: float
) -> Finding:
    """Judge an ordering or a likeness by its weakest comparison."""
    holds = [pair for each in claim.holds for pair in compare(name, each, claim.paired, measures, reported)]
    shown = [each for each in claim.also if not absent(measures, each.measures)]
    also = [pair for each in shown for pair in compare(name, each, claim.paired, measures, reported)]
    weakest = min(holds, key=lambda pair: np.nan_to_num(pair.probability, nan=-1))
    texts = [pair.text for pair in holds] + [f"not judged: {pair.text}" for pair in also]
    return Finding(
        id=name,
        where=claim.where,
        kind=claim.kind,
        sentence=claim.sentence,
        report=weakest.report,
        ours=weakest.gap,
        tolerance=weakest.asked,
        probability=weakest.probability,
        verdict=statistics.ordering_verdict([pair.probability for pair in holds], required),
        evidence=texts,
    )


def judge_errors(name: str, claim: Claim, confusion: Confusion, measures: Measures) -> Finding:
    """Compare numbers of errors with the report's own matrices, in the split that contradicts them most."""
    rows = {split: legible_rows(confusion.splits()[split]) for split in claim.errors}
    legible = {split: sum(total - right for _, total, right in rows[split]) for split in rows}
    split = max(legible, key=lambda split: legible[split] - claim.errors[split])
    error = measure_of(confusion.part, confusion.run, score_name(split, "error"))
    samples = measure_of(confusion.part, confusion.run, score_name(split, "samples"))
    if missing := absent(measures, [error]):
        return not_comparable(name, claim.where, claim.kind, claim.sentence, missing, claim.errors[split])
    ours = find(measures, error, name) * find(measures, samples, name)
    sums = [f"row {truth}: {total} - {right} = {total - right}" for truth, total, right in rows[split]]
    return Finding(
        id=name,
        where=claim.where,
        kind=claim.kind,
        sentence=claim.sentence,
        report=claim.errors[split],
        ours=float(ours.mean()),
        std=deviation(ours),
        verdict=statistics.errors_verdict(claim.errors[split], legible[split]),
        evidence=[*sums, f"together {legible[split]} {split} errors, not {claim.errors[split]}"],
    )


def without_samples(claims: Claims, measures: Measures) -> Measures:
    """The scores of the report's classes that the data lack: no samples, no accuracy and no confusions."""
    missing: Measures = {}
    for part, data in claims.data.items():
        runs = {subject(name) for name in measures if part_of(name) == part}
        for run, split, name in product(runs, ("train", "test"), data.samples):
            if f"{run}.{score_name(split, 'samples', name)}" not in measures:
                replicates = len(measures.get(f"{run}.test_accuracy", ()))
                unknown = [score_name(split, "confusion", name, other) for other in data.samples]
                unknown.append(score_name(split, "accuracy", name))
                missing |= {f"{run}.{score}": np.full(replicates, np.nan) for score in unknown}
                missing[f"{run}.{score_name(split, 'samples', name)}"] = np.zeros(replicates)
    return missing


def largest_other_errors(claims: Claims, measures: Measures) -> Measures:
    """The measures <cell>_others that claims name: in each replicate the largest error of the split but that
    in the cell.
    """
    found: Measures = {}
    asked = [name for claim in claims.claims.values() for each in claim.holds for name in each.measures]
    for name in asked:
        cell = name.removesuffix("_others")
        if cell != name and cell in measures:
            matrix = re.sub("(?<=_confusion_).*", "", cell)
            others = [
                values
                for other, values in measures.items()
                if other.startswith(matrix) and other != cell and not is_right(other.removeprefix(matrix))
            ]
            found[name] = np.max(others, axis=0)
    return found


def is_right(cell: str) -> bool:
    """Whether a cell <truth>_<predicted> of a confusion matrix counts right predictions.

    >>> is_right("3_3"), is_right("3_2"), is_right("face_shield_face_shield")
    (True, False, True)
    """
    half = len(cell) // 2
    return cell[:half] == cell[half + 1 :]


def judge(
    claims: Claims, measures: Measures, comparable: set[str], baselines: dict[str, float]
) -> list[Finding]:
    """Judge every number, then every conclusion.

    `comparable` are the parts ("mlp", "cnn") whose data are the report's, `baselines` as in `has_learnt`.
    """
    measures = measures | without_samples(claims, measures)
    measures |= largest_other_errors(claims, measures)
    values = reported_values(claims)
    findings = [judge_value(v, measures, part_of(v.measure) in comparable) for v in values]
    every = {value.measure: value.report for value in values}
    for name, claim in claims.claims.items():
        if claim.errors:
            findings.append(judge_errors(name, claim, claims.confusion, measures))
        elif reason := why_not_judged(claim, measures, baselines):
            findings.append(not_comparable(name, claim.where, claim.kind, claim.sentence, reason))
        else:
            # A run may be in two tables with two values; those of the claim's own table come first.
            own = {value.measure: value.report for value in values if value.where == claim.where}
            findings.append(judge_comparisons(name, claim, measures, every | own, claims.probability))
    return findings
