"""What is found of each claim: the report's figure or order beside our replicates, and the verdict."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pipeline.claims import statistics as verdicts
from pipeline.claims.schema import Alike, Claim, Claims, Confusion, Figure, Greater, figures, legible_errors
from pipeline.common.settings import InputError
from pipeline.evaluation.measures import Measures


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A row of claims.csv. Of an order, the figures are those of its weakest comparison."""

    id: str
    where: str
    kind: str
    sentence: str
    report: float | None = None  # of an order: the gap between the report's figures, if a table has both
    ours: float  # the mean over replicates; of an order: the gap between two means
    std: float | None = None  # over replicates
    tolerance: float | None = None  # of an order: the gap that was asked for
    probability: float | None = None
    verdict: str
    samples: int | None = None  # of which the figure is a share
    wilson_low: float | None = None  # what the report's figure is worth, given so many samples
    wilson_high: float | None = None
    evidence: str


class Compared(NamedTuple):
    """Two measures beside each other."""

    report: float | None  # the gap between the report's figures, if a table has both
    gap: float
    asked: float
    probability: float
    text: str


def find(measures: Measures, name: str, claim: str) -> np.ndarray:
    """The replicates of a measure; InputError naming the claim that asks for one that is not there."""
    if name in measures:
        return measures[name]
    run = name.rpartition(".")[0]
    scores = [known.removeprefix(f"{run}.") for known in measures if known.startswith(f"{run}.")]
    there = f"{run} has {', '.join(scores[:12])}, ..." if scores else f"there is no {run}"
    raise InputError(f"claims.yaml: {claim} names {name}; {there}")


def deviation(values: np.ndarray) -> float | None:
    """The sample deviation of several replicates."""
    return float(values.std(ddof=1)) if len(values) > 1 else None


def describe(name: str, values: np.ndarray) -> str:
    """For example "mlp.h64_32.test_accuracy 0.9018 ± 0.0031"."""
    spread = "" if len(values) < 2 else f" ± {deviation(values):.2g}"
    return f"{name} {values.mean():.4g}{spread}"


def tolerance_of(figure: Figure, wilson: tuple[float, float] | None) -> float | None:
    """How far the report's figure may lie from our mean; None if claims.yaml does not say."""
    if figure.relative is not None:
        return figure.relative * abs(figure.report)
    if figure.beyond_wilson is not None and wilson is not None:
        return figure.beyond_wilson + (wilson[1] - wilson[0]) / 2
    return figure.absolute


def judge_figure(figure: Figure, measures: Measures, comparable: bool) -> Finding:
    """A number of the report beside the mean of our replicates."""
    values = find(measures, figure.measure, figure.id)
    samples = int(find(measures, figure.samples, figure.id)[0]) if figure.samples else None
    wilson = verdicts.wilson_interval(figure.report, samples) if samples else None
    tolerance = tolerance_of(figure, wilson)
    return Finding(
        id=figure.id,
        where=figure.where,
        kind="value",
        sentence=figure.sentence,
        report=figure.report,
        ours=float(values.mean()),
        std=deviation(values),
        tolerance=tolerance,
        verdict=verdicts.value_verdict(figure.report, values.mean(), tolerance, comparable),
        samples=samples,
        wilson_low=wilson[0] if wilson else None,
        wilson_high=wilson[1] if wilson else None,
        evidence=describe(figure.measure, values),
    )


def compare(
    claim: str, comparison: Greater | Alike, measures: Measures, reported: dict[str, float]
) -> list[Compared]:
    """Each measure of a comparison beside the next."""
    probability: Callable[[np.ndarray, np.ndarray, float], float]
    if isinstance(comparison, Greater):
        chain, asked, sign, probability = comparison.greater, comparison.by, ">", verdicts.probability_greater
        limit = f" by {asked:g}" if asked else ""
    else:
        chain, asked, sign, probability = comparison.alike, comparison.within, "~", verdicts.probability_alike
        limit = f" within {asked:g}"
    pairs = []
    for name, other in zip(chain[:-1], chain[1:], strict=True):
        one, two = find(measures, name, claim), find(measures, other, claim)
        report = reported[name] - reported[other] if {name, other} <= set(reported) else None
        likely = probability(one, two, asked)
        text = f"{describe(name, one)} {sign} {describe(other, two)}{limit}: probability {likely:.3f}"
        pairs.append(Compared(report, float(one.mean() - two.mean()), asked, likely, text))
    return pairs


def judge_comparisons(
    name: str, claim: Claim, measures: Measures, reported: dict[str, float], required: float
) -> Finding:
    """An order or a likeness, as sure as its weakest comparison is."""
    holds = [pair for each in claim.holds for pair in compare(name, each, measures, reported)]
    also = [pair for each in claim.also for pair in compare(name, each, measures, reported)]
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
        verdict=verdicts.ordering_verdict([pair.probability for pair in holds], required),
        evidence="; ".join(texts),
    )


def judge_errors(name: str, claim: Claim, confusion: Confusion, measures: Measures) -> Finding:
    """Numbers of errors beside the report's own matrices; the split is shown that contradicts them most."""
    rows = {split: legible_errors(confusion.splits()[split]) for split in claim.errors}
    legible = {split: sum(total - right for _, total, right in rows[split]) for split in rows}
    split = max(legible, key=lambda split: legible[split] - claim.errors[split])
    run = f"{confusion.part}.{confusion.run}"
    ours = find(measures, f"{run}.{split}_error", name) * find(measures, f"{run}.{split}_samples", name)
    sums = "; ".join(
        f"row {truth}: {total} - {right} = {total - right}" for truth, total, right in rows[split]
    )
    return Finding(
        id=name,
        where=claim.where,
        kind=claim.kind,
        sentence=claim.sentence,
        report=claim.errors[split],
        ours=float(ours.mean()),
        std=deviation(ours),
        verdict=verdicts.errors_verdict(claim.errors[split], legible[split]),
        evidence=f"{sums}; together {legible[split]} {split} errors, not {claim.errors[split]}",
    )


def judge(claims: Claims, measures: Measures, synthetic: set[str]) -> list[Finding]:
    """Every figure, then every conclusion; `synthetic` are the parts ("mlp", "cnn") with drawn data."""
    found = [
        judge_figure(figure, measures, figure.measure.split(".")[0] not in synthetic)
        for figure in figures(claims)
    ]
    every = {figure.measure: figure.report for figure in figures(claims)}
    for name, claim in claims.claims.items():
        if claim.errors:
            found.append(judge_errors(name, claim, claims.confusion, measures))
        else:
            # A run may be in two tables with two figures; those of the claim's own table come first.
            own = {f.measure: f.report for f in figures(claims) if f.where == claim.where}
            found.append(judge_comparisons(name, claim, measures, every | own, claims.probability))
    return found
