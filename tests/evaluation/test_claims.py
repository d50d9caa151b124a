"""claims.yaml against the report."""

import pytest

from pipeline.evaluation import claims as schema
from pipeline.evaluation.measures import in_words
from pipeline.runtime.errors import InputError
from pipeline.runtime.settings import read_params
from tests.conftest import ROOT

CLAIMS = schema.read_claims(ROOT / "claims.yaml")
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


@pytest.mark.parametrize("table", TABLES)
def test_every_cell_of_the_tables_is_there(table):
    figures = [figure.report for figure in schema.reported_values(CLAIMS) if figure.where == table]
    assert figures == [float(number) for number in TABLES[table].split()]


def test_every_cell_is_judged():
    assert {name for name, table in CLAIMS.tables.items() if table.rows} == set(TABLES)
    figures = schema.reported_values(CLAIMS)
    assert all(any((each.absolute, each.relative, each.beyond_wilson)) for each in figures)
    assert len({figure.id for figure in figures}) == len(figures) == 111 + 8 + 80


def test_the_samples_of_an_accuracy_are_those_of_its_run():
    table = schema.Table(part="mlp", rows={"accuracy": {"test_accuracy_3": 0.9, "train_loss": 0.1}})
    accuracy, loss = schema.table_values({"T": table})
    assert (accuracy.samples, loss.samples) == ("mlp.accuracy.test_samples_3", None)


def test_every_conclusion_is_there():
    ours = [name for name, claim in CLAIMS.claims.items() if claim.kind == "ours"]
    assert ours == [f"O{number}" for number in range(1, 7)]
    assert list(CLAIMS.claims) == [f"C{number}" for number in range(1, 20)] + ours


def test_the_legible_rows_hold_669_errors():
    rows = schema.legible_rows(CLAIMS.confusion.test)
    errors = [126, 164, 93, 29, 51, 73, 50, 83]  # 584 - 458, 600 - 436, 651 - 558, ...
    assert [(truth, total - right) for truth, total, right in rows] == list(enumerate(errors, start=2))
    assert sum(errors) == 669
    assert sum(total - right for _, total, right in schema.legible_rows(CLAIMS.confusion.train)) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("probability: 0.9", "probability: 2"), "`probability` is 2: Input should be less than 1"),
        (("within: 0.03}", "with: 0.03}"), "`claims.C1.holds.2.Alike.with` is not a setting"),
        (("kind: range", "kind: rang"), "`claims.C6.kind`"),
        (("tables:\n", "table:\n"), "`tables` is missing"),
        (("  cnn:\n    source", "  cmm:\n    source"), "`data` must have the two parts, mlp and cnn"),
        (("kind: contradicted", "kind: range"), "`claims.C13`: .*a contradicted claim has `errors`"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path, change, message):
    path = tmp_path / "claims.yaml"
    path.write_text((ROOT / "claims.yaml").read_text().replace(*change))
    with pytest.raises(InputError, match=message):
        schema.read_claims(path)


def test_every_table_stands_with_its_runs_in_the_order_of_the_page():
    params = read_params(ROOT / "params.yaml")
    tables = {part: schema.report_tables(CLAIMS, part, params[part]["runs"]) for part in ("mlp", "cnn")}
    assert list(tables["mlp"]) == ["T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8", "T16"]
    assert list(tables["cnn"]) == ["T9", "T10", "T11", "T12", "T13", "T14", "T15"]
    assert tables["mlp"]["T1"] == ["h64_32", "h64_32_16", "h512_256", "h512_256_128"]
    assert tables["cnn"]["T14"] == ["final", "weighted"]


def make_claims(**tables):
    made = {name: schema.Table(part="mlp", runs=runs) for name, runs in tables.items()}
    return CLAIMS.model_copy(update={"tables": made})


def test_a_table_that_compares_nothing_is_left_out():
    claims = make_claims(T1=["a", "b", "c"], T2=["a", "c"], T3=["a"], T4=["c"])
    assert schema.report_tables(claims, "mlp", ["b", "a"]) == {"T1": ["a", "b"], "T3": ["a"]}
    assert schema.report_tables(claims, "cnn", ["b", "a"]) == {}


def test_a_run_in_a_table_is_declared_or_a_run_of_params_yaml():
    claims = make_claims(T1=["h64_32", "mine", "gone"])
    message = "claims.yaml: `tables.T1` names the run 'gone', which neither `runs` nor params.yaml has"
    assert schema.undeclared(claims, "mlp", ["mine"]) == [message]
    assert schema.undeclared(claims, "cnn", ["mine"]) == []


def test_the_final_network_is_the_first_of_its_table_if_there_is_one():
    assert schema.final_run("mlp", {"T7": ["b", "a"]}) == "b"
    assert schema.final_run("mlp", {"T12": ["a"]}) is None


def test_every_measure_is_said_in_words():
    named = [value.measure for value in schema.reported_values(CLAIMS)]
    for claim in CLAIMS.claims.values():
        named += [measure for each in [*claim.holds, *claim.also] for measure in each.measures]
    assert not [measure for measure in named if "_" in in_words(measure).split(": ")[1]]


@pytest.mark.parametrize(("source", "none", "kind"), [
    ("synthetic", 126, "synthetic"),
    ("medical-masks", 5, "report"),
    ("own", 126, "report"),
    ("own", 124, "report"),
    ("own", 120, "own"),
])  # fmt: skip
def test_the_report_s_data_are_known_by_their_name_or_their_classes(source, none, kind):
    samples = {"bad": 665, "good": 3091, "none": none}
    assert CLAIMS.data["cnn"].kind_of(source, samples) == kind
    assert CLAIMS.data["cnn"].kind_of("own", samples | {"other": 1}) == "own"
