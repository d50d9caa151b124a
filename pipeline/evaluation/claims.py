"""Load and validate claims.yaml: the report's tables, its confusion matrices and its conclusions."""

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, field_validator, model_validator

from pipeline.common.paths import CLAIMS, PARAMS
from pipeline.common.yaml_files import load_yaml
from pipeline.evaluation.measures import counted_by, measure_of, score_name, subject
from pipeline.runtime.errors import InputError
from pipeline.runtime.settings import NAME, Strict, check

OTHERS = "others"  # the table of the runs that are in none
FINAL_TABLES = {"mlp": "T7", "cnn": "T12"}  # whose first run is the final network of the part

Tables = dict[str, list[str]]  # table: the runs in it
Part = Literal["mlp", "cnn"]
Measure = Annotated[str, Field(pattern=r"^(mlp|cnn|latents)(\.\w+)+$")]
Positive = Annotated[float, Field(gt=0)]
COPIES_DIFFER = 0.02  # share of a class's samples by which copies of the report's data differ
Row = Annotated[list[Annotated[int, Field(ge=0)] | None], Field(min_length=10, max_length=10)]


class Table(Strict):
    """A table: its runs, and those of its values that the report gives, {run: {score: value}}, with the
    tolerances of their scores.
    """

    part: Part
    runs: list[str] | None = Field(None, min_length=1)
    tolerance: dict[str, Positive] = {}
    relative_tolerance: dict[str, Positive] = {}
    beyond_wilson: dict[str, Positive] = {}
    rows: dict[str, dict[str, float]] = {}

    @property
    def members(self) -> list[str]:
        """The runs in it, in their order."""
        return self.runs or list(self.rows)

    @model_validator(mode="after")
    def holds_each_run_once(self) -> "Table":
        if not self.members:
            raise ValueError("it must list `runs`, as in [final]")
        if twice := [run for run in self.members if self.members.count(run) > 1]:
            raise ValueError(f"it names the run {twice[0]!r} twice")
        if others := [run for run in self.rows if run not in self.members]:
            raise ValueError(f"`rows` has the run {others[0]!r}, which is not among its `runs`")
        return self


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


Pairs = Literal["folds", "replicates"]  # what the measures of a claim have in common, one by one


class Greater(Strict):
    """Each measure is greater than the next, by more than `by`."""

    greater: list[Measure] = Field(min_length=2)
    by: float = 0.0

    @property
    def measures(self) -> list[str]:
        return self.greater


class Alike(Strict):
    """Two measures differ by less than `within`, either way."""

    alike: list[Measure] = Field(min_length=2, max_length=2)
    within: Positive

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
    paired: Pairs | None = None
    holds: list[Greater | Alike] = []
    also: list[Greater | Alike] = []
    errors: dict[Literal["train", "test"], int] = {}
    needs: dict[Measure, float] = {}  # measures that have to be larger, or the claim is not comparable

    @model_validator(mode="after")
    def compares_something(self) -> "Claim":
        if bool(self.errors) == bool(self.holds) or bool(self.errors) != (self.kind == "contradicted"):
            raise ValueError("a contradicted claim has `errors`, and any other has comparisons in `holds`")
        return self


class ReportData(Strict):
    """The report's data of a part."""

    source: str  # its name in the catalogue
    samples: dict[str, Annotated[int, Field(ge=1)]]  # by class, training and test set together

    def kind_of(self, source: str, samples: dict[str, int]) -> Literal["report", "synthetic", "own"]:
        """Whose data from a `source` are, with so many samples of each class: the report's, by name or by
        the counts, or drawn by the pipeline, or the user's own.
        """
        if source == "synthetic":
            return "synthetic"
        alike = samples.keys() == self.samples.keys() and all(
            abs(samples[name] - count) <= COPIES_DIFFER * count for name, count in self.samples.items()
        )
        return "report" if alike or source == self.source else "own"


class Claims(Strict):
    """All of claims.yaml."""

    data: dict[str, ReportData]  # by part
    runs: dict[Literal["mlp", "cnn", "latents"], list[str]]  # that the rest may name
    probability: float = Field(gt=0.5, lt=1)
    tables: dict[str, Table]
    confusion: Confusion
    claims: dict[str, Claim]

    @property
    def declared(self) -> set[str]:
        """The subjects of measures that the file may name: <part>.<run>, latents.<figure>."""
        return {f"{part}.{run}" for part, runs in self.runs.items() for run in runs}

    @field_validator("tables", mode="before")
    @classmethod
    def names_files(cls, tables: Any) -> Any:
        for name in tables if isinstance(tables, dict) else ():
            if not (isinstance(name, str) and NAME.fullmatch(name)) or name == OTHERS:
                raise ValueError(f"{name!r} cannot be the name of a table; use one such as T15")
        return tables

    @model_validator(mode="after")
    def has_data_of_both_parts(self) -> "Claims":
        if self.data.keys() != {"mlp", "cnn"}:
            raise ValueError("`data` must have the two parts, mlp and cnn")
        return self

    @model_validator(mode="after")
    def names_declared_runs(self) -> "Claims":
        if unknown := sorted(subjects(self) - self.declared):
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
    if not path.is_file():
        raise InputError(f"there is no {path} in {Path.cwd()}; run from the project's folder")
    values = load_yaml(path.read_bytes(), str(path))
    if not isinstance(values, dict):
        raise InputError(f"{path} must hold `tables`, `claims` and the other sections, as `key: value`")
    return check(Claims, values, file=path)


def report_tables(claims: Claims, part: str, runs: Collection[str]) -> Tables:
    """The tables of a part, in their order, with those of their runs that are among `runs`.

    A table of several runs of which fewer than two are left compares nothing, and is left out.
    """
    tables = {}
    for name, table in claims.tables.items():
        members = [run for run in table.members if run in runs]
        if table.part == part and len(members) >= min(2, len(table.members)):
            tables[name] = members
    return tables


def undeclared(claims: Claims, part: str, runs: Collection[str]) -> list[str]:
    """A message for each run in a table of the part that neither claims.yaml declares nor `runs` has."""
    return [
        f"{CLAIMS}: `tables.{name}` names the run {run!r}, which neither `runs` nor {PARAMS} has"
        for name, table in claims.tables.items()
        for run in table.members
        if table.part == part and run not in runs and f"{part}.{run}" not in claims.declared
    ]


def final_run(part: str, tables: Tables) -> str | None:
    """The first run of T7 or T12, whose single predictions are shown; None without that table."""
    table = tables.get(FINAL_TABLES[part])
    return table[0] if table else None


def subjects(claims: Claims) -> set[str]:
    """Every run and latent figure that the report's numbers and conclusions are about."""
    measures = [value.measure for value in reported_values(claims)]
    for claim in claims.claims.values():
        measures += claim.needs
        for each in [*claim.holds, *claim.also]:
            measures += each.measures
    return {subject(measure) for measure in measures}


def value_id(where: str, *cell: object) -> str:
    """The id of a number of the report: its table or figure, and its cell there.

    >>> value_id("T1", "h64_32", "test_accuracy"), value_id("F4", "test", 3, 2)
    ('T1.h64_32.test_accuracy', 'F4.test.3.2')
    """
    return ".".join([where, *map(str, cell)])


def table_values(tables: dict[str, Table]) -> list[ReportedValue]:
    """Every cell of every table that the report gives."""
    return [
        ReportedValue(
            id=value_id(name, run, score),
            where=name,
            sentence=f"{run}: {score} is {report:.4g}",
            measure=measure_of(table.part, run, score),
            samples=measure_of(table.part, run, counter) if (counter := counted_by(score)) else None,
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
    """Every legible cell of F4 as a share of its samples."""
    part, run = confusion.part, confusion.run
    return [
        ReportedValue(
            id=value_id("F4", split, truth, predicted),
            where="F4",
            sentence=f"{split}: {count} of {counts.samples} are a {truth} and taken for a {predicted}",
            measure=measure_of(part, run, score_name(split, "confusion", truth, predicted)),
            samples=measure_of(part, run, score_name(split, "samples")),
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
