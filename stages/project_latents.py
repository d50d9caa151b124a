"""The latent features of the test set, the last hidden layer's activations: figures F1 (two units), F2 (PCA)
and F3 (t-SNE).

    python -m stages.project_latents

Reads data/digits.safetensors and models/mlp/<run>/latents.safetensors; writes plots/latents/:
<figure>_<run>.csv, the points of replicate 0 (epoch, x, y, digit), and separation.csv, how well the classes
of every replicate are separated.
"""

from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from pipeline.common.compute import Compute
from pipeline.common.files import whole_folder
from pipeline.common.paths import LATENTS
from pipeline.common.process import run_stage
from pipeline.common.seeds import generator
from pipeline.common.settings import Strict, check, read_params, read_seed, section
from pipeline.digits.prepared import load_digits
from pipeline.evaluation.latents import SEPARATION, project, read_latents, separation

Epochs = Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)]
# Figure: how it gets to two dimensions, and the runs that it shows.
FIGURES = {
    "F1": ("units", ["latents_16_2", "latents_32_16_2"]),
    "F2": ("pca", ["latents_20_15"]),
    "F3": ("tsne", ["latents_20_15"]),
}


class Settings(Strict):
    """`project_latents`: the epochs that the figures show; they must have been recorded."""

    units_epochs: Epochs
    pca_epochs: Epochs
    tsne_epochs: Epochs


def project_replicate(
    method: str, latents: np.ndarray, digits: np.ndarray, random_state: int
) -> tuple[np.ndarray, list[dict[str, float]]]:
    """The points of one replicate, and their separation at each epoch."""
    points = project(method, latents, random_state)
    return points, [separation(each, digits) for each in points]


def points_table(points: np.ndarray, epochs: list[int], digits: np.ndarray) -> pd.DataFrame:
    """(epochs, samples, 2) as a row for each point."""
    tables = [
        pd.DataFrame({"epoch": epoch, "x": each[:, 0], "y": each[:, 1], "digit": digits})
        for epoch, each in zip(epochs, points, strict=True)
    ]
    return pd.concat(tables)


def main() -> None:
    params = read_params()
    settings = check(Settings, section(params, "project_latents"), "project_latents")
    compute = check(Compute, section(params, "compute"), "compute")
    random_state = int(generator(read_seed(params), "t-SNE").integers(2**31))
    digits = load_digits()["test"].labels
    jobs, tasks = [], []
    for figure, (method, runs) in FIGURES.items():
        for run in runs:
            epochs = getattr(settings, f"{method}_epochs")
            for replicate, latents in enumerate(read_latents(run, epochs)):
                jobs.append((figure, run, epochs, replicate))
                tasks.append((method, latents, digits, random_state))
    with whole_folder(LATENTS) as folder:
        results = list(compute.each(project_replicate, tasks, len(tasks)))
        rows = []
        for (figure, run, epochs, replicate), (points, scores) in zip(jobs, results, strict=True):
            if replicate == 0:
                table = points_table(points, epochs, digits)
                table.to_csv(folder / f"{figure}_{run}.csv", index=False, float_format="%.4g")
            at = {"figure": figure, "run": run, "replicate": replicate}
            rows += [{**at, "epoch": epoch, **score} for epoch, score in zip(epochs, scores, strict=True)]
        pd.DataFrame(rows).to_csv(folder / SEPARATION.name, index=False, float_format="%.6g")


if __name__ == "__main__":
    run_stage(main)
