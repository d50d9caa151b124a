"""The pipeline through DVC itself, as a user runs it, on the quick profile in a workspace of its own."""

import json
import re
import shutil

import boto3
import pandas as pd
import pytest
from moto.server import ThreadedMotoServer

from tools import quick

pytestmark = pytest.mark.timeout(900)  # the first of them waits for every stage

MLP_TABLES = [f"T{number}" for number in range(1, 9)]
CNN_TABLES = [f"T{number}" for number in range(9, 15)]


@pytest.fixture
def clean(workspace):
    yield workspace
    workspace.reset()


def test_every_run_has_its_scores(quick_run):
    params = quick.YAML(typ="safe").load(quick_run.folder / "params.yaml")
    expected = {"train_accuracy", "test_accuracy", "train_error", "test_error", "train_loss", "epochs"}
    for part in ("mlp", "cnn"):
        scores = quick_run.scores(part)
        assert set(scores) == set(params[part]["runs"])
        for run in scores.values():
            assert expected | {f"{name}_std" for name in expected} <= set(run)
            assert run["train_error"] == pytest.approx(1 - run["train_accuracy"], abs=1e-5)
    assert {f"{s}_accuracy_{c}" for s in ("train", "test") for c in ("bad", "good", "none")} <= set(
        scores["final"]
    )
    for name, run in quick_run.scores("mlp").items():
        batch = params["mlp"]["runs"][name].get("batch_size", 32)
        assert run["reported_loss"] == pytest.approx(run["train_loss"] / batch, rel=1e-4)


def test_every_table_and_curve_is_there(quick_run):
    params = quick.YAML(typ="safe").load(quick_run.folder / "params.yaml")
    for part, tables in (("mlp", MLP_TABLES), ("cnn", CNN_TABLES)):
        scores = quick_run.scores(part)
        for table in tables:
            rows = pd.read_csv(quick_run.folder / f"plots/{part}/tables/{table}.csv").set_index("run")
            assert rows.index.tolist() == params[part]["tables"][table]
            assert rows.test_accuracy.to_dict() == {run: scores[run]["test_accuracy"] for run in rows.index}
            curves = pd.read_csv(quick_run.folder / f"plots/{part}/curves/{table}.csv")
            for run, curve in curves.groupby("run"):
                assert curve.epoch.max() == pytest.approx(scores[run]["epochs"], abs=2), run
                assert curve.test_accuracy_std.notna().any()


@pytest.mark.parametrize(("part", "run"), [("mlp", "final"), ("cnn", "final")])
@pytest.mark.parametrize("split", ["train", "test"])
def test_confusions_hold_every_sample_of_the_first_replicate(quick_run, part, run, split):
    samples = pd.read_csv(quick_run.folder / f"plots/{part}/confusion_{split}.csv")
    curves = pd.read_csv(quick_run.folder / f"models/{part}/{run}/curves.csv")
    last = curves[(curves.replicate == 0) & (curves.kept == 1)].iloc[-1]
    assert (samples.truth == samples.predicted).mean() == pytest.approx(last[f"{split}_accuracy"])


def test_latents_are_points_of_the_test_set(quick_run):
    for figure in ("F1_latents_16_2", "F1_latents_32_16_2", "F2_latents_20_15", "F3_latents_20_15"):
        points = pd.read_csv(quick_run.folder / f"plots/latents/{figure}.csv")
        assert points.groupby("epoch").size().nunique() == 1
        assert points.epoch.unique().tolist() == [2, 4]
        assert points.digit.nunique() == 10
    separation = pd.read_csv(quick_run.folder / "plots/latents/separation.csv")
    assert separation.knn_accuracy.between(0, 1).all() and separation.silhouette.between(-1, 1).all()
    assert len(separation) == 4 * 2 * 2  # figures and runs, replicates, epochs


def test_nothing_to_do_runs_nothing(workspace):
    output = workspace.dvc("repro")
    assert workspace.stages_run(output) == []
    assert "Data and pipelines are up to date." in output


def test_the_plots_page_needs_no_network(quick_run):
    page = (quick_run.folder / "dvc_plots/index.html").read_text()
    assert not re.findall(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//[^"']+""", page)
    assert "window.vegaEmbed" in page
    assert page.count("<div id") >= 22 + 4 + 4  # curves, confusions, latents


def test_a_setting_of_a_run_trains_that_run_alone(clean):
    changes = ["-S", "mlp.runs.custom.hidden=[100,50]", "-S", "cnn.runs.custom.filter=5"]
    ran = clean.stages_run(clean.dvc("exp", "run", *changes))
    trained = ["train_mlp@custom", "evaluate_mlp", "train_cnn@custom", "evaluate_cnn"]
    assert sorted(ran) == sorted([*trained, "check_claims", "write_report"])
    diff = [line.split() for line in clean.dvc("metrics", "diff").splitlines()[2:] if line]
    assert {(path, name.split(".")[0]) for path, name, *_ in diff} == {
        ("metrics/mlp.json", "custom"),
        ("metrics/cnn.json", "custom"),
    }
    page = clean.dvc("plots", "diff").strip().splitlines()[-1]
    assert page.endswith("index.html")


def test_the_crop_size_reruns_cropping_and_the_cnn(clean):
    params = clean.folder / "params.yaml"
    params.write_text(params.read_text().replace("side: 32", "side: 24"))
    affected = json.loads(clean.dvc("status", "--json").strip().splitlines()[-1])
    assert set(affected) == {"crop_masks", "write_report"}  # the page shows the settings
    clean.dvc("repro", "--single-item", "crop_masks")
    affected = json.loads(clean.dvc("status", "--json").strip().splitlines()[-1])
    cnn_runs = {f"train_cnn@{run}" for run in clean.scores("cnn")}
    assert set(affected) == {*cnn_runs, "evaluate_cnn", "write_report"}


def test_a_digits_setting_touches_no_masks_stage(clean):
    output = clean.dvc("status", "--json")
    assert json.loads(output.strip().splitlines()[-1]) == {}
    params = clean.folder / "params.yaml"
    params.write_text(re.sub(r"test: 5768", "test: 5767", params.read_text()))
    affected = json.loads(clean.dvc("status", "--json").strip().splitlines()[-1])
    assert set(affected) == {"prepare_digits", "write_report"}  # the page shows the settings
    downstream = clean.dvc("repro", "--dry", "--downstream", "prepare_digits")
    assert not [name for name in clean.stages_run(downstream) if "mask" in name or "cnn" in name]


def test_how_the_work_is_spread_out_reruns_nothing(clean):
    params = clean.folder / "params.yaml"
    params.write_text(params.read_text().replace("workers: 0", "workers: 2"))
    assert "workers: 2" in params.read_text()
    assert clean.stages_run(clean.dvc("repro")) == []


def test_queued_experiments_run(clean):
    change = "mlp.runs.custom.learning_rate=0.01,0.1"
    queued = clean.dvc("exp", "run", "--queue", "-S", change, "evaluate_mlp")  # and not the report
    assert queued.count("Queued experiment") == 2
    clean.dvc("exp", "run", "--run-all")
    shown = pd.read_csv(pd.io.common.StringIO(clean.dvc("exp", "show", "--csv")))
    rates = shown["mlp.runs.custom.learning_rate"].astype(float).tolist()
    assert {0.01, 0.1} <= set(rates)
    # Both parts have a run of this name, so DVC puts the file in front.
    losses = "metrics/mlp.json:custom.train_loss"
    by_rate = shown.groupby("mlp.runs.custom.learning_rate")[losses].first()
    assert by_rate.nunique() > 1


@pytest.fixture
def s3_server(monkeypatch):
    """An empty bucket `storage` on a server of the loopback address: the server's URL."""
    for name, value in {"ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "secret", "REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    boto3.client("s3", endpoint_url=url, region_name="us-east-1").create_bucket(Bucket="storage")
    yield url
    server.stop()


def test_results_come_back_from_a_remote_on_s3(clean, s3_server):
    clean.dvc("remote", "add", "--local", "--default", "storage", "s3://storage/report")
    clean.dvc("remote", "modify", "--local", "storage", "endpointurl", s3_server)
    clean.dvc("push")
    before = (clean.folder / "report/index.html").read_bytes()
    for folder in (".dvc/cache", "data", "models", "report"):
        shutil.rmtree(clean.folder / folder)
    clean.dvc("pull")
    assert clean.stages_run(clean.dvc("repro")) == []
    assert (clean.folder / "report/index.html").read_bytes() == before
