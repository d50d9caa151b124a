"""The first stage: every fault at once, the settings of each run, and what is removed."""

import json
import sys
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.runtime.errors import InputError
from pipeline.runtime.process import run_stage
from pipeline.runtime.settings import read_params, resolve_run
from stages.check_settings import __main__ as check_settings
from stages.check_settings.checks import check_convolutions
from stages.train_cnn.cnn import build


def run(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["stages/check_settings/__main__.py"])
    run_stage(check_settings.main)


def test_a_settings_file_has_all_that_a_training_depends_on(project, monkeypatch):
    project({"seed": 3})
    run(monkeypatch)
    params, pins = read_params(), Path("requirements.txt").read_text()
    for part, packages in {"mlp": {"numpy", "scipy"}, "cnn": {"numpy", "torch"}}.items():
        files = {path.stem: json.loads(path.read_text()) for path in Path("settings", part).iterdir()}
        assert {name: file["settings"] for name, file in files.items()} == {
            name: resolve_run(params, part, name) for name in params[part]["runs"]
        }
        for file in files.values():
            assert file.keys() == {"settings", "seed", "packages"} and file["seed"] == 3
            assert packages <= file["packages"].keys()
            assert all(f"\n{name}=={version} " in pins for name, version in file["packages"].items())


def test_a_run_is_like_another_but_for_its_difference(project, monkeypatch):
    runs = {
        "wide": {"like": "slow", "hidden": [9]},  # the order does not matter
        "slow": {"like": "base", "learning_rate": 0.01},
        "base": {"epochs": 5, "learning_rate": 0.5},
    }
    project({"mlp.runs": runs, "project_latents": {}})
    run(monkeypatch)
    defaults = read_params()["mlp"]["defaults"]
    resolved = json.loads(Path("settings/mlp/wide.json").read_text())["settings"]
    assert resolved == defaults | {"epochs": 5, "learning_rate": 0.01, "hidden": [9]}


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        (
            {"a": {"like": "b"}, "b": {"like": "c"}, "c": {"like": "a"}},
            "`mlp.runs.c.like` is 'a', which goes in a circle: a like b like c like a",
        ),
        ({"a": {"like": "a"}}, "`mlp.runs.a.like` is 'a', which goes in a circle: a like a"),
        ({"a": {"like": "gone"}, "b": {}}, "`mlp.runs.a.like` is 'gone'; the runs are a, b"),
        (
            {"a": {"like": "finl"}, "final": {}},
            "`mlp.runs.a.like` is 'finl'; the runs are a, final; did you mean `final`?",
        ),
        ({"a": {"like": ["b"]}, "b": {}}, "`mlp.runs.a.like` is ['b']; the runs are a, b"),
        ({"a": {"like": None}, "b": {}}, "`mlp.runs.a.like` is None; the runs are a, b"),
    ],
)
def test_a_run_that_is_like_none_is_named(project, monkeypatch, capsys, runs, said):
    project({"mlp.runs": runs, "project_latents": {}})
    with pytest.raises(SystemExit):
        run(monkeypatch)
    assert f"check_settings: params.yaml: {said}" in capsys.readouterr().err.splitlines()


def test_a_fault_of_a_run_is_not_repeated_by_those_like_it(project, monkeypatch, capsys):
    runs = {"a": {"like": "b", "momentum": 2}, "b": {"epochs": 0}, "c": {"like": "a"}, "d": {"seeds": 0}}
    project({"mlp.runs": runs, "project_latents": {}})
    with pytest.raises(SystemExit):
        run(monkeypatch)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("`")[1] for line in lines[:-1]] == ["mlp.runs.b.epochs", "mlp.runs.d.seeds"]


def test_a_package_without_a_pin_is_named(project, monkeypatch, capsys):
    project({})
    pins = Path("requirements.txt")
    pins.write_text(pins.read_text().replace("scipy==", "scipy>="))
    with pytest.raises(SystemExit):
        run(monkeypatch)
    assert "requirements.txt has no line scipy==<version>; trainings" in capsys.readouterr().err
    assert not Path("settings").exists()


def test_every_fault_is_named_at_once(project, monkeypatch, capsys):
    project(
        {
            "sede": 0,
            "seed": -1,
            "data.digits": 3,
            "mlp.runs.final": {"hiden": [3], "epochs": 0},
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
            "params.yaml: `sede` is not a setting; did you mean `seed`?",
            "params.yaml: `seed` is -1",
            "params.yaml: `data.digits` is 3",
            "params.yaml: `mlp.runs.final.epochs` is 0",
            "params.yaml: `mlp.runs.final.hiden` is not a setting; did you mean `hidden`?",
            "params.yaml: `cnn.defaults.stride` is 0",
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
    said = (
        f"`{part}.runs.final` is the final network (table {table}), and is tested on samples of its own; set"
    )
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
    said = f"params.yaml has no {missing}: claims about them are not comparable"
    assert capsys.readouterr().out.splitlines()[-1] == said
    assert not (folder / "settings/mlp/h64_32_16.json").exists()


def nothing_left(runs: str, side: int) -> str:
    return (
        f"params.yaml: cnn.runs {runs}: 2 convolutions with filter 40, stride 1 and padding 0, each followed "
        f"by pooling, leave nothing of a crop of {side}x{side} pixels; set fewer channels, or a smaller "
        "filter or stride"
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"data.masks": "sinthetic"},
            "data.masks is sinthetic: neither a file or folder in {here} nor one of synthetic, "
            "medical-masks, face-mask-detection; did you mean `synthetic`?",
        ),
        ({"data.digits": "/nothing.npz"}, "data.digits is /nothing.npz: there is no such file or folder"),
        (
            {"data.masks": "ftp://me:secret@a.org/1"},
            "data.masks is ftp://a.org/1: only http:// and https:// addresses are downloaded",
        ),
        (
            {"crop_masks.classes": {"bad": "bad", "masked": "good"}},
            "params.yaml: `crop_masks.classes` has no good, none, a label of the synthetic photographs; add "
            "it, or set data.masks to your own data",
        ),
        (  # the first convolution leaves 12x12 pixels of 64x64, and nothing is left for the second
            {"cnn.runs": {"a": {"filter": 40}, "b": {"like": "a"}, "c": {"like": "a", "crops": "large"}}},
            f"{nothing_left('a, b', 32)}\n{nothing_left('c', 64)}",
        ),
        (
            {"mlp.runs": {"a": {"batch_size": 12001}, "b": {"batch_size": 12000}}, "project_latents": {}},
            "params.yaml: `mlp.runs.a`: batch_size is 12001, but there are at most 12000 training samples; "
            "set 12000 or less",
        ),
        (
            {
                "mlp.runs": {"a": {"batch_size": 51}},
                "project_latents": {},
                "data.synthetic_digits": {"samples": 50},
            },
            "params.yaml: `mlp.runs.a`: batch_size is 51, but there are at most 50 training samples; "
            "set 50 or less",
        ),
        (
            {
                "mlp.runs": {"a": {"hidden": [9, 1], "latents_every": 10}},
                "project_latents": {"F": {"run": "a", "method": "pca", "epochs": [10]}},
            },
            "params.yaml: `project_latents.F` projects into the plane, and mlp.runs.a ends with 1 unit; set "
            "method: units and 2 units",
        ),
    ],
)
def test_what_a_later_stage_would_refuse_is_found(project, monkeypatch, capsys, changes, said):
    folder = project(changes)
    with pytest.raises(SystemExit):
        run(monkeypatch)
    lines = [line for line in capsys.readouterr().err.splitlines() if "faults: correct" not in line]
    assert lines == [f"check_settings: {line.replace('{here}', str(folder))}" for line in said.splitlines()]


def refusal(function, *arguments):
    """What a function refuses its arguments with; "" if it takes them."""
    try:
        function(*arguments)
    except InputError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("channels", [[4], [4, 4], [4, 4, 4]])
def test_convolutions_are_refused_as_the_network_refuses_them(channels):
    said = set()
    for side, filter, stride, padding in product((1, 6, 7, 32), (1, 3, 9, 40), (1, 3), (0, 2)):
        values = {"channels": channels, "filter": filter, "stride": stride, "padding": padding}
        runs = {"a": {**values, "crops": "resized"}}
        ours = refusal(check_convolutions, runs, SimpleNamespace(side=side))
        assert ours.removeprefix("params.yaml: cnn.runs a: ") == refusal(
            build, side, channels, filter, stride, padding, [], 2
        )
        said.add(bool(ours))
    assert said == {True, False}


def test_a_source_that_dvc_has_fetched_may_be_on_another_machine(project, monkeypatch, capsys):
    project({"data.masks": "/elsewhere/faces"})
    params = {"params.yaml": {"data.masks": "/elsewhere/faces"}}
    lock = {"schema": "2.0", "stages": {"fetch_masks": {"params": params}}}
    Path("dvc.lock").write_text(json.dumps(lock))
    run(monkeypatch)
    params["params.yaml"]["data.masks"] = "/elsewhere/others"
    Path("dvc.lock").write_text(json.dumps(lock))
    with pytest.raises(SystemExit):
        run(monkeypatch)
    assert "data.masks is /elsewhere/faces: there is no such" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "epoch"),
    [({}, 10), ({"epochs": 60}, 40), ({"early_stopping": "none"}, None), ({"patience": 39}, None)],
)
def test_early_stopping_that_may_leave_no_latents_is_said(project, monkeypatch, capsys, changes, epoch):
    stopping = {"hidden": [9, 2], "latents_every": 10, "early_stopping": "loss", "patience": 8} | changes
    figure = {"run": "a", "method": "units", "epochs": [10, 40]}
    shown = changes != {}
    project({"mlp.runs": {"a": stopping}, "project_latents": {"F": figure} if shown else {}})
    run(monkeypatch)
    said = (
        f"mlp.runs.a may stop after epoch 9, by early_stopping and patience, and latents of epoch {epoch} are"
    )
    assert (said in capsys.readouterr().out) == (epoch is not None)


@pytest.mark.parametrize("part", ["mlp", "cnn"])
def test_an_empty_section_is_named(project, monkeypatch, capsys, part):
    project({part: None})
    with pytest.raises(SystemExit):
        run(monkeypatch)
    assert f"params.yaml: `{part}` must hold settings, as `key: value`" in capsys.readouterr().err
