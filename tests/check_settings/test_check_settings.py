"""The first stage: every fault at once, the settings of each run, and what is removed."""

import json
import sys
from pathlib import Path

import pytest

from pipeline.runtime.process import run_stage
from pipeline.runtime.settings import read_params, read_run
from stages.check_settings import __main__ as check_settings


def run(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["stages/check_settings/__main__.py"])
    run_stage(check_settings.main)


def test_each_run_has_its_settings_with_the_defaults_filled_in(project, monkeypatch):
    project({})
    run(monkeypatch)
    params = read_params()
    for part in ("mlp", "cnn"):
        files = {path.stem: json.loads(path.read_text()) for path in Path("settings", part).iterdir()}
        assert files == {run: read_run(params, part, run) for run in params[part]["runs"]}


def test_every_fault_is_named_at_once(project, monkeypatch, capsys):
    project(
        {
            "sede": 0,
            "seed": -1,
            "data.digits": 3,
            "mlp.runs.final": {"hiden": [3], "epochs": 0},
            "mlp.tables.T1": ["gone"],
            "cnn.defaults.stride": 0,
        }
    )
    claims = Path("claims.yaml")
    claims.write_text(claims.read_text().replace("mlp.h64_32_16.test_accuracy", "mlp.h16.test_accuracy", 1))
    with pytest.raises(SystemExit):
        run(monkeypatch)
    lines = capsys.readouterr().err.splitlines()
    for line, said in zip(
        lines,
        [
            "params.yaml: `sede`: there is no such setting",
            "params.yaml: `seed` is -1",
            "params.yaml: `data.digits` is 3",
            "params.yaml: `mlp.runs.final.epochs` is 0",
            "params.yaml: `cnn.defaults.stride` is 0",
            "params.yaml: `mlp.tables.T1` names the run 'gone'",
            "claims.yaml: mlp.h16: not among `runs`",
            "7 faults: correct them, and run again",
        ],
        strict=True,
    ):
        assert line.startswith(f"check_settings: {said}")
    assert not Path("settings").exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"run": "gone"}, "shows the run 'gone', which `mlp.runs` does not have"),
        ({"epochs": [15]}, "shows epoch 15, which mlp.runs.latents_16_2 does not record: its latents_every"),
        ({"epochs": [130]}, "shows epoch 130, which mlp.runs.latents_16_2 does not record"),
        ({"run": "h64_32"}, "shows epoch 10, which mlp.runs.h64_32 does not record: its latents_every is 0"),
        ({"run": "latents_20_15"}, "shows units as they are, and mlp.runs.latents_20_15 ends with 15, not 2"),
        ({"method": "umap"}, "method` is 'umap': Input should be 'units', 'pca' or 'tsne'"),
    ],
)
def test_a_latent_figure_shows_what_its_run_records(project, monkeypatch, capsys, changes, said):
    figure = {"run": "latents_16_2", "method": "units", "epochs": [10]}
    project({"project_latents": {"mine": figure | changes}})
    with pytest.raises(SystemExit):
        run(monkeypatch)
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("part", "changes", "table"),
    [("cnn", {"folds": 5}, "T12"), ("mlp", {"split": "sheets"}, "T7"), ("mlp", {"validation": 9}, "T7")],
)
def test_the_final_network_keeps_the_split_of_the_data(project, monkeypatch, capsys, part, changes, table):
    project({f"{part}.runs.final": changes})
    with pytest.raises(SystemExit):
        run(monkeypatch)
    said = f"`{part}.tables.{table}` begins with final, which is tested on samples of its own; name a"
    assert said in capsys.readouterr().err


def test_what_no_run_or_figure_owns_any_more_is_removed(project, monkeypatch, capsys):
    project({})
    stale = [
        Path("models/mlp/gone/settings.json"),
        Path("plots/latents/F9.csv"),
        Path("plots/separation/F9.csv"),
    ]
    kept = [Path("models/mlp/final/settings.json"), Path("models/mlp/notes.txt"), Path("plots/mlp/runs.csv")]
    for path in stale + kept:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    run(monkeypatch)
    assert not Path("models/mlp/gone").exists() and not any(path.exists() for path in stale)
    assert all(path.exists() for path in kept)
    assert "removed models/mlp/gone, which params.yaml no longer names" in capsys.readouterr().out


def test_a_run_that_claims_name_and_params_yaml_has_not_is_said(project, monkeypatch, capsys):
    folder = project({})  # with few of the runs
    run(monkeypatch)
    missing = "mlp.h512_256, mlp.h512_256_128, mlp.h64_32_16"
    said = f"params.yaml has no {missing}: the claims about them are not comparable"
    assert capsys.readouterr().out.splitlines()[-1] == said
    assert not (folder / "settings/mlp/h64_32_16.json").exists()


@pytest.mark.parametrize("part", ["mlp", "cnn"])
def test_an_empty_section_is_named(project, monkeypatch, capsys, part):
    project({part: None})
    with pytest.raises(SystemExit):
        run(monkeypatch)
    assert f"params.yaml: `{part}` must hold settings, as `key: value`" in capsys.readouterr().err
