"""The report's trainings, beside the same by other libraries."""

import os
from collections.abc import Callable
from contextlib import redirect_stderr
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from benchmarks import cnn, mlp
from benchmarks.measuring import (
    CORES,
    EQUAL,
    OURS,
    REPLICATES,
    SIDE_BY_SIDE,
    Contender,
    Placement,
    Row,
    Task,
    Team,
    compare,
    race,
)
from pipeline.common.paths import CLAIMS, CROP_ARRAYS, DIGITS, METRICS, PARAMS
from pipeline.common.storage import read_json
from pipeline.evaluation.claims import read_claims, report_tables
from pipeline.runtime.settings import read_params, resolve_run
from stages.check_settings.checks import PARTS
from stages.write_report.contents import LEFT_OPEN
from tools import quick

# In every task nothing is recorded on the way; and at the report's rate of 0.099 rounding differences would
# grow to percents of the MLP's loss.
CHANGES: dict[str, dict[str, float]] = {
    "mlp": {"latents_every": 0, "learning_rate": 0.01},
    "cnn": {"snapshot_epoch": 0},
}
DATA = {"mlp": DIGITS, "cnn": CROP_ARRAYS}


def ours(task: Task, replicate: int) -> Callable[[], float]:
    """The stage's own function, all of it: reading the file, drawing weights, keeping predictions."""
    train = import_module(f"stages.train_{task.part}.training").train
    data, settings = task.workspace / DATA[task.part], PARTS[task.part](**task.settings)

    def work() -> float:
        with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):
            result = train(data, "bench", mlp.SEED, settings, replicate)
        return result.curve[-1]["train_loss"]

    return work


def torch_straightforward(task: Task, replicate: int) -> Callable[[], float]:
    from benchmarks import straightforward  # imports PyTorch, which this process does without

    return straightforward.train(task, replicate)


MLP_PEERS: dict[str, Contender] = {
    "PyTorch + DataLoader": torch_straightforward,
    "JAX jit + scan": mlp.jax_scan,
    "scikit-learn": mlp.sklearn_classifier,
    "NumPy by hand": mlp.numpy_by_hand,
}
CNN_PEERS: dict[str, Contender] = {
    "PyTorch + ImageFolder": torch_straightforward,
    "PyTorch, in memory": cnn.torch_memory,
    "Keras on JAX": cnn.keras_jax,
}


class Training(NamedTuple):
    """A case: so many epochs of a run of params.yaml. `target` is for the first of its peers."""

    part: str
    run: str
    epochs: int
    peers: dict[str, Contender]
    target: float = 1


TRAININGS = {
    "mlp_512_256": Training("mlp", "h512_256", 2, MLP_PEERS, target=1.6),
    "mlp_64_32": Training("mlp", "h64_32", 8, MLP_PEERS, target=4),
    "mlp_32_16": Training("mlp", "h32_16", 8, MLP_PEERS, target=4),
    "mlp_batch_8": Training("mlp", "batch_8", 1, MLP_PEERS),
    "mlp_batch_16": Training("mlp", "batch_16", 1, MLP_PEERS),
    "gemm_share": Training("mlp", "h512_256", 2, {"GEMM peak": mlp.products}, target=0.8),
    "cnn_batch_16": Training("cnn", "sgd", 1, CNN_PEERS, target=3),
    "cnn_own_size": Training("cnn", "own_size", 1, CNN_PEERS, target=2),
}


def task_of(workspace: Path, part: str, run: str, epochs: int) -> Task:
    """The training of a run of params.yaml, for so many epochs."""
    settings = resolve_run(read_params(quick.ROOT / PARAMS), part, run)
    return Task(part, workspace, settings | CHANGES[part] | {"epochs": epochs})


def training(case: str, workspace: Path, repeats: int) -> list[Row]:
    part, run, epochs, peers, target = TRAININGS[case]
    values = race(task_of(workspace, part, run, epochs), {OURS: ours, **peers}, repeats)
    # The price of the same bytes is left out of the targets: these hold at equal instructions.
    targets = {**dict.fromkeys(peers), f"{next(iter(peers))}{EQUAL}": target}
    return compare(case, "s per epoch and replicate", values, targets)


def report_runs(part: str) -> list[str]:
    """The runs of the report's tables, T1 to T14."""
    claims, runs = read_claims(quick.ROOT / CLAIMS), read_params(quick.ROOT / PARAMS)[part]["runs"]
    tables = report_tables(claims, part, runs).items()
    return list(dict.fromkeys(run for name, members in tables if name not in LEFT_OPEN for run in members))


def whole_report(workspace: Path, repeats: int) -> list[Row]:
    """The trainings of the report, projected from an epoch or two of each run, once.

    straightforward.py as one would start it: in one process, at PyTorch's own number of threads.
    """
    teams = {
        OURS: Team(OURS, ours, SIDE_BY_SIDE),
        "straightforward.py": Team("straightforward.py", torch_straightforward, Placement(1, len(CORES))),
    }
    seconds = dict.fromkeys(teams, 0.0)
    for part, timed in (("mlp", 2), ("cnn", 1)):
        for run in report_runs(part):
            task = task_of(workspace, part, run, timed)
            epochs = read_json(quick.ROOT / METRICS / part / f"{run}.json")["epochs"]
            for name, team in teams.items():
                team.prepare(task, warm=False)
                seconds[name] += team.run()[0] / timed * epochs * task.settings["seeds"] / REPLICATES
    for team in teams.values():
        team.close()
    values = {**{name: [total] for name, total in seconds.items()}, "15 minutes": [15 * 60.0]}
    return compare("whole_report", "s, projected", values, {"straightforward.py": 2.5})
