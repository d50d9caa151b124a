"""The pipeline through DVC itself, as a user runs it, on the quick profile in a workspace of its own."""

import json
import re
import subprocess
import sys
from collections import Counter
from io import StringIO

import boto3
import pandas as pd
import pytest
from moto.server import ThreadedMotoServer
from ruamel.yaml import YAML

from pipeline.evaluation.claims import read_claims, report_tables
from pipeline.runtime.settings import read_params
from tests.conftest import ROOT, Workspace, results
from tools import plots_page, quick

pytestmark = pytest.mark.timeout(900)  # the first of them waits for every stage


@pytest.fixture
def clean(workspace):
    yield workspace
    workspace.reset()


METRICS = {
    "mlp": {"train_accuracy", "test_accuracy", "train_loss", "reported_loss", "epochs"},
    "cnn": {"train_accuracy", "test_accuracy", "recall", "train_loss", "epochs"},
}


def tables_of(folder, part):
    """The tables of a part with the runs that the folder's params.yaml has."""
    claims = read_claims(folder / "claims.yaml")
    return report_tables(claims, part, read_params(folder / "params.yaml")[part]["runs"])


def test_every_run_has_its_scores(quick_run):
    params = read_params(quick_run.folder / "params.yaml")
    for part in ("mlp", "cnn"):
        scores = quick_run.scores(part)
        assert scores.keys() == params[part]["runs"].keys()
        assert all(run.keys() == METRICS[part] for run in scores.values())
        runs = pd.read_csv(quick_run.folder / f"plots/{part}/runs.csv", index_col="run")
        for name, run in scores.items():
            assert runs.loc[name, list(run)].to_dict() == pytest.approx(run)
        assert runs.train_error.tolist() == pytest.approx((1 - runs.train_accuracy).tolist(), abs=1e-5)
        assert set(runs) == {*runs.filter(regex="_std$"), *runs.filter(regex="_std$").columns.str[:-4]}
    for name, run in quick_run.scores("mlp").items():
        batch = params["mlp"]["runs"][name].get("batch_size", 32)
        assert run["reported_loss"] == pytest.approx(run["train_loss"] / batch, rel=1e-4)


def test_the_scores_fit_a_screen(quick_run):
    """`dvc metrics show` is a table of runs by scores, of the quick profile and of the whole report."""
    for folder in (quick_run.folder, ROOT):
        shown = Workspace(folder).dvc("metrics", "show").splitlines()
        assert max(map(len, shown)) <= 120
        assert len(shown) == 1 + sum(len(Workspace(folder).scores(part)) for part in METRICS)
    counts = json.loads((quick_run.folder / "metrics/claims.json").read_text())
    assert set(counts) == {"passed", "failed", "contradicted", "not_comparable", "total"}


def test_every_table_and_curve_is_there(quick_run):
    for part in METRICS:
        scores = quick_run.scores(part)
        for table, runs in tables_of(quick_run.folder, part).items():
            rows = pd.read_csv(quick_run.folder / f"plots/{part}/tables/{table}.csv").set_index("run")
            assert rows.index.tolist() == runs
            assert rows.test_accuracy.to_dict() == {run: scores[run]["test_accuracy"] for run in rows.index}
            curves = pd.read_csv(quick_run.folder / f"plots/{part}/curves/{table}.csv")
            for run, curve in curves.groupby("run"):
                assert curve.epoch.max() == pytest.approx(scores[run]["epochs"], abs=2), run
                assert curve.test_accuracy_std.notna().any()


@pytest.mark.parametrize(("part", "run"), [("mlp", "final"), ("cnn", "final")])
@pytest.mark.parametrize("split", ["train", "test"])
def test_confusions_hold_every_sample_of_the_first_replicate(quick_run, part, run, split):
    samples = pd.read_csv(quick_run.folder / f"plots/{part}/predictions/{split}.csv")
    curves = pd.read_csv(quick_run.folder / f"models/{part}/{run}/curves.csv")
    last = curves[(curves.replicate == 0) & (curves.kept == 1)].iloc[-1]
    assert (samples.truth == samples.predicted).mean() == pytest.approx(last[f"{split}_accuracy"])


def test_latents_are_points_of_the_test_set(quick_run):
    for figure in read_params(quick_run.folder / "params.yaml")["project_latents"]:
        points = pd.read_csv(quick_run.folder / f"plots/latents/{figure}.csv")
        assert points.groupby("epoch").size().nunique() == 1
        assert points.epoch.unique().tolist() == [10, 30]
        assert points.digit.nunique() == 10
        separation = pd.read_csv(quick_run.folder / f"plots/separation/{figure}.csv")
        assert separation.knn_accuracy.between(0, 1).all() and separation.silhouette.between(-1, 1).all()
        assert len(separation) == 2 * 2  # replicates, epochs


def test_nothing_to_do_runs_nothing(workspace):
    output = workspace.dvc("repro")
    assert workspace.stages_run(output) == []
    assert "Data and pipelines are up to date." in output


def test_the_plots_page_needs_no_network(quick_run):
    page = (quick_run.folder / "dvc_plots/index.html").read_text()
    assert not re.findall(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//[^"']+""", page)
    assert "window.vegaEmbed" in page
    params = read_params(quick_run.folder / "params.yaml")
    tables = [table for part in METRICS for table in tables_of(quick_run.folder, part)]
    runs = [*quick_run.scores("mlp"), *quick_run.scores("cnn")]
    # With the runs in no table of both parts, and a confusion matrix of each run.
    assert page.count("<div id") == len(tables) + 2 + len(runs) + len(params["project_latents"])
    for run in runs:
        assert f'"run": "{run}"' in page


def test_the_page_of_plots_is_the_one_that_the_tool_makes(tmp_path, monkeypatch):
    monkeypatch.setattr(plots_page, "PAGE", tmp_path / "page.html")
    plots_page.main()
    assert (tmp_path / "page.html").read_bytes() == (ROOT / ".dvc/plots/page.html").read_bytes()


def test_every_link_of_the_report_leads_somewhere(quick_run):
    page = (quick_run.folder / "report/index.html").read_text()
    links = set(re.findall(r'href="((?:\.\./|figures/)[^"]+)"', page))
    assert len(links) > 60
    assert not [link for link in links if not (quick_run.folder / "report" / link).is_file()]


def test_a_setting_of_a_run_trains_that_run_alone(clean):
    changes = ["-S", "mlp.runs.custom.hidden=[100,50]", "-S", "cnn.runs.custom.filter=5"]
    ran = clean.stages_run(clean.dvc("exp", "run", *changes))
    trained = ["train_mlp@custom", "evaluate_mlp", "train_cnn@custom", "evaluate_cnn"]
    assert sorted(ran) == sorted([*trained, "check_settings", "check_claims", "write_report"])
    diff = [line.split() for line in clean.dvc("metrics", "diff").splitlines()[1:] if line]
    runs = Counter(path for path, *_ in diff)
    assert runs.keys() == {"metrics/mlp/custom.json", "metrics/cnn/custom.json"}
    assert max(runs.values()) <= 6
    page = clean.dvc("plots", "diff").strip().splitlines()[-1]
    assert page.endswith("index.html")
    changed = clean.run("git", "diff", "--unified=0", "params.yaml").splitlines()
    lines = [line for line in changed if re.match(r"[-+] ", line)]
    assert lines == ["-      - 64", "-      - 32", "+      - 100", "+      - 50"] + [
        "-      filter: 3",
        "+      filter: 5",
    ]


def change_params(folder, *changes):
    """Replace text in params.yaml, each once."""
    path = folder / "params.yaml"
    text = path.read_text()
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path.write_text(text)


def stale(workspace):
    """The stages whose dependencies have changed, once the settings are checked."""
    workspace.dvc("repro", "check_settings")
    status = json.loads(workspace.dvc("status", "--json").strip().splitlines()[-1])
    return set(status)


def test_a_changed_default_retrains_the_runs_that_use_it(clean):
    params = clean.folder / "params.yaml"
    text = params.read_text().replace("    learning_rate: 0.099\n", "    learning_rate: 0.05\n", 1)
    params.write_text(text)
    own = {
        name
        for name, run in read_params(params)["mlp"]["runs"].items()
        if "learning_rate" in run  # custom among them
    }
    others = {f"train_mlp@{run}" for run in set(clean.scores("mlp")) - own}
    assert stale(clean) == others | {"write_report"}  # the page shows the settings


def test_a_changed_run_retrains_those_like_it(clean):
    change_params(clean.folder, ("cv_nothing: {folds: 2, optimizer: sgd}", "cv_nothing: {folds: 3}"))
    assert stale(clean) == {"train_cnn@cv_nothing", "train_cnn@cv_weighted", "write_report"}


@pytest.mark.parametrize(
    ("package", "retrained"), [("numpy", {"mlp", "cnn"}), ("torch", {"cnn"}), ("dvc", set())]
)
def test_another_release_of_a_package_retrains_what_computes_with_it(clean, package, retrained):
    pins = clean.folder / "requirements.txt"
    text = re.sub(rf"(?m)^{re.escape(package)}==\S+", f"{package}==99.0", pins.read_text())
    assert text != pins.read_text()
    pins.write_text(text)
    trainings = {f"train_{part}@{run}" for part in retrained for run in clean.scores(part)}
    assert stale(clean) == trainings | ({"write_report"} if retrained else set())


def test_a_changed_run_is_seen_by_status_and_by_itself(clean):
    """Its run is among the params of a training, which refuses a settings file that says something else."""
    stage = "train_mlp@custom"
    change_params(clean.folder, ("      epochs: 30\n", "      epochs: 3\n"))
    assert {"check_settings", stage} <= set(json.loads(clean.dvc("status", "--json").splitlines()[-1]))
    assert stage in clean.stages_run(clean.dvc("repro", "--dry"))
    shown = "import dvc.api, json; print(json.dumps(dvc.api.params_show(stages='train_mlp@custom')))"
    assert json.loads(clean.run(sys.executable, "-c", shown))["mlp"]["runs"]["custom"]["epochs"] == 3
    alone = subprocess.run(
        [sys.executable, "-m", "dvc", "repro", "--single-item", stage],
        cwd=clean.folder,
        env=quick.environment(),
        capture_output=True,
        text=True,
    )
    said = "settings/mlp/custom.json is not what params.yaml says; `dvc repro check_settings` mends it"
    assert alone.returncode and f"train_mlp: {said}" in alone.stderr
    clean.dvc("repro", "check_settings")
    clean.dvc("repro", "--single-item", stage)
    assert pd.read_csv(clean.folder / "models/mlp/custom/curves.csv").epoch.max() == 3


def test_editing_a_folder_reruns_its_stage_with_the_same_bytes(clean):
    before = results(clean.folder)
    with open(clean.folder / "stages/evaluate_mlp/__main__.py", "a") as code:
        code.write("# A comment.\n")
    assert set(json.loads(clean.dvc("status", "--json").splitlines()[-1])) == {
        "check_settings",
        "evaluate_mlp",
    }
    assert clean.stages_run(clean.dvc("repro")) == ["check_settings", "evaluate_mlp"]
    assert {**results(clean.folder), "dvc.lock": b""} == {**before, "dvc.lock": b""}


def test_words_and_order_retrain_nothing(clean):
    params = clean.folder / "params.yaml"
    yaml = YAML()
    values = yaml.load(params)
    for part in ("mlp", "cnn"):
        runs = values[part]["runs"]
        runs.move_to_end(next(iter(runs)))
    values.yaml_set_start_comment("Another comment.")
    yaml.dump(values, params)
    assert stale(clean) == set()


def test_a_wrong_setting_is_the_first_error_and_loses_nothing(clean):
    change_params(clean.folder, ("sampler: weighted, optimizer: sgd", "sampler: weighted, optimizer: sdg"))
    before = results(clean.folder)
    finished = subprocess.run(
        [sys.executable, "-m", "dvc", "repro"],
        cwd=clean.folder,
        env=quick.environment(),
        capture_output=True,
        text=True,
    )
    assert finished.returncode
    assert clean.stages_run(finished.stdout) == ["check_settings"]
    assert "params.yaml: `cnn.runs.weighted.optimizer` is 'sdg'" in finished.stderr
    assert results(clean.folder) == before
    assert (clean.folder / "settings/cnn/final.json").is_file()


def test_a_run_that_is_added_and_removed_leaves_nothing_behind(clean):
    change_params(clean.folder, ("    h32_16: {", "    mine: {epochs: 2}\n    h32_16: {"))
    ran = clean.stages_run(clean.dvc("repro", "evaluate_mlp"))
    assert [stage for stage in ran if stage.startswith("train")] == ["train_mlp@mine"]
    assert "mine" in clean.scores("mlp")
    assert "mine" in pd.read_csv(clean.folder / "plots/mlp/curves/others.csv").run.tolist()
    change_params(clean.folder, ("    mine: {epochs: 2}\n", ""))
    clean.dvc("repro")
    assert not (clean.folder / "models/mlp/mine").exists() and "mine" not in clean.scores("mlp")
    assert "up to date" in clean.dvc("status")
    assert not clean.run("git", "diff", "--", "metrics", "plots")


def test_the_readme_s_way_back_leaves_nothing(clean):
    """After a run and a figure of one's own, whose scores and points git does not know."""
    back = re.search(r"\$ (git checkout .*?) +# back to where you were", (ROOT / "README.md").read_text())

    def files():
        ours = [path for name in ("models", "settings") for path in (clean.folder / name).rglob("*")]
        return results(clean.folder), sorted(ours)

    before = files()
    mine = ["mlp.runs.mine.like=latents_16_2", "mlp.runs.mine.epochs=10", "mlp.runs.mine.latents_every=10"]
    mine += [f"project_latents.mine.{value}" for value in ("run=mine", "method=units", "epochs=[10]")]
    changes = [part for value in mine for part in ("-S", f"+{value}")]
    clean.dvc("exp", "run", *changes, "evaluate_mlp", "project_latents@mine")
    for left in ("metrics/mlp/mine.json", "plots/separation/mine.csv", "models/mlp/mine/settings.json"):
        assert (clean.folder / left).is_file()
    clean.run("bash", "-c", back[1])
    assert files() == before
    assert not clean.run("git", "status", "--porcelain") and "up to date" in clean.dvc("status")


def test_a_model_comes_from_a_clone_by_its_name(clean, tmp_path):
    storage = str(tmp_path / "storage")
    clean.dvc("remote", "add", "--default", "storage", storage)
    clean.dvc("push", "models/mlp/final", "data/digits.safetensors")
    quick.commit(clean.folder, "A remote")
    # How DVC's artifacts name a version.
    tag = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost", "tag", "--annotate"]
    clean.run(*tag, "mlp-final@v1.0.0", "--message", "The first")
    clone = clean.clone(tmp_path / "clone")
    clone.dvc("artifacts", "get", ".", "mlp-final", "--out", str(tmp_path / "named"))
    clone.dvc("get", ".", "models/mlp/final", "--out", str(tmp_path / "path"))
    weights = (clean.folder / "models/mlp/final/replicate_0.safetensors").read_bytes()
    for name in ("named", "path"):
        assert (tmp_path / name / "replicate_0.safetensors").read_bytes() == weights
    clean.run("git", "reset", "--quiet", "--hard", "HEAD~1")


def test_a_params_yaml_with_few_runs_ends_well(clean):
    """What is not there is left out; claims about it are not comparable."""
    path = clean.folder / "params.yaml"
    yaml = YAML()
    params = yaml.load(path)
    kept = {"mlp": ["h64_32", "h32_16", "custom"], "cnn": ["final", "custom"]}
    for part, runs in kept.items():
        params[part]["runs"] = {run: params[part]["runs"][run] for run in runs}
    del params["project_latents"]["F1_latents_16_2"], params["project_latents"]["F2_latents_20_15"]
    params["mlp"]["runs"]["latents_20_15"] = {"hidden": [20, 15], "latents_every": 10}
    yaml.dump(params, path)
    output = clean.dvc("repro")
    assert not [stage for stage in clean.stages_run(output) if stage.startswith("train")]
    assert "params.yaml has no cnn.adam, cnn.cv_augmented, cnn.cv_both and " in output
    claims = pd.read_csv(clean.folder / "plots/claims/claims.csv", index_col="id")
    assert claims.verdict["C1"] == "not_comparable"
    assert "no mlp.h512_256, mlp.h512_256_128" in claims.evidence["C1"]
    assert sorted(path.stem for path in (clean.folder / "plots/latents").glob("*.csv")) == [
        "F3_latents_20_15"
    ]
    assert set(clean.scores("mlp")) == {*kept["mlp"], "latents_20_15"}
    assert "T2 · hidden units" in (clean.folder / "report/index.html").read_text()


def test_the_crop_size_reruns_cropping_and_the_cnn(clean):
    params = clean.folder / "params.yaml"
    params.write_text(params.read_text().replace("side: 32", "side: 24"))
    affected = json.loads(clean.dvc("status", "--json").strip().splitlines()[-1])
    assert set(affected) == {"check_settings", "crop_masks", "write_report"}  # the page shows the settings
    clean.dvc("repro", "--single-item", "crop_masks")
    affected = json.loads(clean.dvc("status", "--json").strip().splitlines()[-1])
    cnn_runs = {f"train_cnn@{run}" for run in clean.scores("cnn")}
    assert set(affected) == {*cnn_runs, "check_settings", "write_report"}


def test_a_digits_setting_touches_no_masks_stage(clean):
    output = clean.dvc("status", "--json")
    assert json.loads(output.strip().splitlines()[-1]) == {}
    change_params(clean.folder, ("  test: 400\n", "  test: 399\n"))
    affected = json.loads(clean.dvc("status", "--json").strip().splitlines()[-1])
    assert set(affected) == {"check_settings", "prepare_digits", "write_report"}  # the page shows them
    downstream = clean.dvc("repro", "--dry", "--downstream", "prepare_digits")
    assert not [name for name in clean.stages_run(downstream) if "mask" in name or "cnn" in name]


def test_how_the_work_is_spread_out_reruns_nothing(clean):
    params = clean.folder / "params.yaml"
    params.write_text(params.read_text().replace("workers: 0", "workers: 2"))
    assert "workers: 2" in params.read_text()
    assert clean.stages_run(clean.dvc("repro")) == []


@pytest.mark.witness
def test_queued_experiments_run(clean):
    change = "mlp.runs.custom.learning_rate=0.01,0.1"
    queued = clean.dvc("exp", "run", "--queue", "-S", change, "evaluate_mlp")  # and not the report
    assert queued.count("Queued experiment") == 2
    clean.dvc("exp", "run", "--run-all")
    score = "metrics/mlp/custom.json:test_accuracy"
    kept = f"Experiment|mlp.runs.custom.learning_rate|{score}"
    options = ["--drop", ".*", "--keep", kept, "--sort-by", score, "--sort-order", "desc"]
    table = clean.dvc("exp", "show", "--csv", *options)
    shown = pd.read_csv(StringIO(table))
    assert shown.columns.tolist() == ["Experiment", score, "mlp.runs.custom.learning_rate"]
    experiments = shown.dropna(subset="Experiment")
    assert {0.01, 0.1} <= set(experiments["mlp.runs.custom.learning_rate"])
    assert experiments[score].is_monotonic_decreasing and experiments[score].nunique() > 1


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


@pytest.mark.witness
def test_results_come_to_a_clone_from_a_remote_on_s3(clean, s3_server, tmp_path):
    clone = clean.clone(tmp_path / "clone")
    for workspace in (clean, clone):
        workspace.dvc("remote", "add", "--local", "--default", "storage", "s3://storage/report")
        workspace.dvc("remote", "modify", "--local", "storage", "endpointurl", s3_server)
    clean.dvc("push")
    # DVC fetches what a changed run needs, but not the networks of the others, which the scores need too.
    with pytest.raises(AssertionError, match=r"holds no trained run; `dvc pull` brings it"):
        clone.dvc("exp", "run", "--pull", "--allow-missing", "-S", "mlp.runs.custom.epochs=1")
    assert " D" not in clone.run("git", "status", "--short")
    clone.run("git", "checkout", ".")
    clone.dvc("pull")
    assert clone.stages_run(clone.dvc("repro")) == []
    assert not clone.run("git", "status", "--short")
    page = "report/index.html"
    assert (clone.folder / page).read_bytes() == (clean.folder / page).read_bytes()
