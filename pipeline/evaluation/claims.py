"""Load and validate claims.yaml: the report's tables, its confusion matrices and its conclusions."""

from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, model_validator

from pipeline.common.paths import CLAIMS
from pipeline.runtime.settings import Strict, check, read_params

Part = Literal["mlp", "cnn"]
Measure = Annotated[str, Field(pattern=r"^(mlp|cnn|latents)(\.\w+)+$")]
Positive = Annotated[float, Field(gt=0)]
COPIES_DIFFER = 0.02  # share of a class's samples by which copies of the report's data differ
Row = Annotated[list[Annotated[int, Field(ge=0)] | None], Field(min_length=10, max_length=10)]


class Table(Strict):
    """A table of the report: its values, {run: {score: value}}, and the tolerances of its scores."""

    part: Part
    tolerance: dict[str, Positive] = {}
    relative_tolerance: dict[str, Positive] = {}
    beyond_wilson: dict[str, Positive] = {}
    rows: dict[str, dict[str, float]]


class Counts(Strict):
    """A confusion matrix of the report: counts by true class, then predicted class; None where illegible."""

    samples: int = Field(ge=1)
    rows: dict[int, Row]


class Confusion(Strict):
    """Figure F4."""

    part: Part
    run: str
    beyond_wilson: Positive
    train: Counts
    test: Counts

    def splits(self) -> dict[str, Counts]:
        return {"train": self.train, "test": self.test}


class Greater(Strict):
    """Each measure is greater than the next, by more than `by`; `paired`: the runs are in the same folds."""

    greater: list[Measure] = Field(min_length=2)
    by: float = 0.0
    paired: bool = False

    @property
    def measures(self) -> list[str]:
        return self.greater


class Alike(Strict):
    """Two measures differ by less than `within`, either way."""

    alike: list[Measure] = Field(min_length=2, max_length=2)
    within: Positive
    paired: bool = False

    @property
    def measures(self) -> list[str]:
        return self.alike


class Claim(Strict):
    """A conclusion of the report, or of the kind "ours" one of ours about what the report left open.

    One of the kind "contradicted" states `errors`, the others comparisons.
    """

    where: str
    kind: Literal["ordering", "range", "contradicted", "ours"]
    sentence: str
    holds: list[Greater | Alike] = []
    also: list[Greater | Alike] = []
    errors: dict[Literal["train", "test"], int] = {}

    @model_validator(mode="after")
    def compares_something(self) -> "Claim":
        if bool(self.errors) == bool(self.holds) or bool(self.errors) != (self.kind == "contradicted"):
            raise ValueError("a contradicted claim has `errors`, and any other has comparisons in `holds`")
        return self


class ReportData(Strict):
    """The report's data of a part."""

    source: str  # its name in the catalogue
    samples: dict[str, Annotated[int, Field(ge=1)]]  # by class, training and test set together

    def is_same(self, source: str, samples: dict[str, int]) -> bool:
        """Whether data from `source` are the report's: by name, or by the counts of their classes."""
        if source == self.source:
            return True
        return samples.keys() == self.samples.keys() and all(
            abs(samples[name] - count) <= COPIES_DIFFER * count for name, count in self.samples.items()
        )


class Claims(Strict):
    """All of claims.yaml."""

    data: dict[str, ReportData]  # by part
    runs: dict[Literal["mlp", "cnn", "latents"], list[str]]  # that the rest may name
    probability: float = Field(gt=0.5, lt=1)
    tables: dict[str, Table]
    confusion: Confusion
    claims: dict[str, Claim]

    @model_validator(mode="after")
    def has_data_of_both_parts(self) -> "Claims":
        if self.data.keys() != {"mlp", "cnn"}:
            raise ValueError("`data` must have the two parts, mlp and cnn")
        return self

    @model_validator(mode="after")
    def names_declared_runs(self) -> "Claims":
        declared = {f"{part}.{run}" for part, runs in self.runs.items() for run in runs}
        if unknown := sorted(subjects(self) - declared):
            raise ValueError(f"{', '.join(unknown)}: not among `runs`, which lists what claims may name")
        return self


class ReportedValue(NamedTuple):
    """One number of the report, and the measure of ours that it is compared with."""

    id: str
    where: str
    sentence: str
    measure: str
    samples: str | None  # the measure that counts the samples of which it is a share
    report: float
    absolute: float | None  # tolerance
    relative: float | None  # tolerance as a share of `report`
    beyond_wilson: float | None  # tolerance added to half the width of its Wilson interval


def read_claims(path: Path = CLAIMS) -> Claims:
    """The claims of a file; InputError naming every key that is wrong."""
    return check(Claims, read_params(path), file=path)


def subject(measure: str) -> str:
    """The run or latent figure of a measure.

    >>> subject("mlp.final.test_accuracy")
    'mlp.final'
    """
    return ".".join(measure.split(".")[:2])


NAMES = {
    "train_accuracy": "training accuracy",
    "test_accuracy": "test accuracy",
    "train_loss": "training loss",
    "reported_loss": "loss / batch size",
    "knn_accuracy": "15-NN accuracy",
    "test_confusion_second": "second most frequent error",
    "test_error_small_crops": "error of small test crops",
    "test_error_other_crops": "error of other test crops",
}
SPLITS = {"train": "training", "test": "test"}


def in_words(measure: str) -> str:
    """A measure as a reader says it.

    >>> in_words("cnn.final.train_accuracy_none"), in_words("mlp.final.test_confusion_3_2")
    ('final: training accuracy of none', 'final: test samples of 3 taken for 2')
    >>> in_words("latents.F2_latents_20_15.first.knn_accuracy")
    'F2_latents_20_15, first epoch: 15-NN accuracy'
    """
    _, run, *moment, score = measure.split(".")
    name = NAMES.get(score, score)
    match score.split("_"):
        case [split, "accuracy" | "samples" as what, first, *rest]:
            name = f"{SPLITS[split]} {what} of {'_'.join([first, *rest])}"
        case [split, "confusion", truth, predicted]:
            name = f"{SPLITS[split]} samples of {truth} taken for {predicted}"
    return ", ".join([run, *(f"{each} epoch" for each in moment)]) + f": {name}"


def subjects(claims: Claims) -> set[str]:
    """Every run and latent figure that the report's numbers and conclusions are about."""
    measures = [value.measure for value in reported_values(claims)]
    for claim in claims.claims.values():
        for each in [*claim.holds, *claim.also]:
            measures += each.measures
    return {subject(measure) for measure in measures}


def table_values(tables: dict[str, Table]) -> list[ReportedValue]:
    """Every cell of every table, named <table>.<run>.<score>."""
    return [
        ReportedValue(
            id=f"{name}.{run}.{score}",
            where=name,
            sentence=f"{run}: {score} is {report:.4g}",
            measure=f"{table.part}.{run}.{score}",
            samples=f"{table.part}.{run}.{score.replace('accuracy', 'samples')}"
            if "accuracy" in score
            else None,
            report=report,
            absolute=table.tolerance.get(score),
            relative=table.relative_tolerance.get(score),
            beyond_wilson=table.beyond_wilson.get(score),
        )
        for name, table in tables.items()
        for run, row in table.rows.items()
        for score, report in row.items()
    ]


def confusion_values(confusion: Confusion) -> list[ReportedValue]:
    """Every legible cell of F4 as a share of its samples, named F4.<split>.<truth>.<predicted>."""
    return [
        ReportedValue(
            id=f"F4.{split}.{truth}.{predicted}",
            where="F4",
            sentence=f"{split}: {count} of {counts.samples} are a {truth} and taken for a {predicted}",
            measure=f"{confusion.part}.{confusion.run}.{split}_confusion_{truth}_{predicted}",
            samples=f"{confusion.part}.{confusion.run}.{split}_samples",
            report=count / counts.samples,
            absolute=None,
            relative=None,
            beyond_wilson=confusion.beyond_wilson,
        )
        for split, counts in confusion.splits().items()
        for truth, row in counts.rows.items()
        for predicted, count in enumerate(row)
        if count is not None
    ]


def reported_values(claims: Claims) -> list[ReportedValue]:
    """Every number of the report."""
    return table_values(claims.tables) + confusion_values(claims.confusion)


def legible_rows(counts: Counts) -> list[tuple[int, int, int]]:
    """For each row that can be read: the class, the sum of its cells, and the cell of right predictions."""
    return [(truth, sum(filter(None, row)), row[truth] or 0) for truth, row in counts.rows.items()]
