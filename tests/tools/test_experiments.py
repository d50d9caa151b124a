"""The list of experiments, of what `dvc exp show --json` says, made by hand."""

from typing import Any

import pytest

from tools import experiments

PARAMS = {
    "mlp": {"runs": {"custom": {"hidden": [20, 15], "epochs": 30}, "old": {"like": "final"}}},
    "seed": 0,
}


def state(params: dict[str, Any], **scores: dict[str, float]) -> dict[str, Any]:
    metrics = {f"metrics/{name.replace('_', '/', 1)}.json": {"data": each} for name, each in scores.items()}
    return {
        "timestamp": "2026-11-29T06:41:05",
        "params": {"params.yaml": {"data": params}},
        "metrics": metrics,
    }


def experiment(data: dict[str, Any] | None, executor: str | None = None) -> dict[str, Any]:
    return {
        "name": "niffy-guns",
        "executor": executor and {"state": executor},
        "revs": [{"rev": "0" * 40, "data": data, "error": {"msg": "unreadable\nfor DVC"}}],
    }


COMMIT = state(PARAMS, mlp_custom={"test_accuracy": 0.83, "train_loss": 1}, cnn_final={"recall": 0.5})


def test_an_experiment_is_what_it_changed_and_the_test_scores_that_moved():
    changed = {
        "mlp": {"runs": {"custom": {"hidden": [100, 50], "epochs": 30}, "new": {"like": "a"}}},
        "seed": 0,
    }
    scores = {"mlp_custom": {"test_accuracy": 0.87, "train_loss": 0}, "mlp_new": {"test_accuracy": 0.9}}
    data = state(changed, **scores, cnn_final={"recall": 0.5})
    when, columns = experiments.columns_of(experiment(data), COMMIT)
    assert when == "2026-11-29 06:41"
    assert columns == [
        ["niffy-guns    2026-11-29 06:41"],
        ["mlp.runs.custom.hidden=[100,50]", "mlp.runs.new.like=a", "~mlp.runs.old.like"],
        ["mlp new test_accuracy 0.9000", "mlp custom test_accuracy 0.8700 (+0.0400)"],
    ]


@pytest.mark.parametrize(("said", "shown"), [("Queued", "queued"), ("running", "running")])
def test_one_that_has_not_ended_has_no_scores(said: str, shown: str):
    _, columns = experiments.columns_of(experiment(COMMIT, said), COMMIT)
    assert columns[1:] == [["nothing"], [shown]]


def test_one_that_failed_or_cannot_be_read_says_so():
    _, columns = experiments.columns_of(experiment(COMMIT, "Failed"), COMMIT)
    assert columns[2] == ["failed: dvc queue logs niffy-guns"]
    assert experiments.columns_of(experiment(None), COMMIT)[1] == [["niffy-guns"], [], ["unreadable for DVC"]]


def test_no_line_is_longer_than_120_columns_and_long_columns_are_cut():
    names = [f"mlp.runs.{'long' * 20}_{number}.learning_rate=0.5" for number in range(30)]
    lines = list(experiments.lines_of([["a"], names, ["mlp h512_256_128 test_accuracy 0.8638 (+0.0306)"]]))
    assert len(lines) == experiments.MOST and lines[0].endswith("0.8638 (+0.0306)")
    assert max(map(len, lines)) <= experiments.WIDTH and lines[-1].split() == ["and", "26", "more"]
