"""Project latent features of the test set, the last hidden layer's activations, into the plane.

    python -m stages.project_latents FIGURE

FIGURE is one of `project_latents` in params.yaml: F1 (two units), F2 (PCA) and F3 (t-SNE) of the report.
Reads data/digits.safetensors and models/mlp/<run>/latents.safetensors. Writes plots/latents/FIGURE.csv, the
points of replicate 0 (epoch, x, y, digit), and plots/separation/FIGURE.csv, how well the classes of every
replicate are separated (replicate, epoch, knn_accuracy, silhouette).
"""

import numpy as np
import pandas as pd

from pipeline.common.digits import load_classes, load_digits
from pipeline.common.paths import LATENTS, SEPARATION
from pipeline.common.seeds import generator
from pipeline.runtime.compute import read_compute
from pipeline.runtime.files import whole_file
from pipeline.runtime.process import run_stage
from pipeline.runtime.settings import check, read_params, read_seed, section
from stages.project_latents.plane import project, read_latents, separation
from stages.project_latents.settings import LatentFigure


def project_replicate(
    method: str, latents: np.ndarray, digits: np.ndarray, random_state: int
) -> tuple[np.ndarray, list[dict[str, float]]]:
    """The points of one replicate, and their separation at each epoch."""
    points = project(method, latents, random_state)
    return points, [separation(each, digits) for each in points]


def points_table(points: np.ndarray, epochs: list[int], names: np.ndarray) -> pd.DataFrame:
    """(epochs, samples, 2) as a row for each point, with the name of its class."""
    tables = [
        pd.DataFrame({"epoch": epoch, "x": each[:, 0], "y": each[:, 1], "digit": names})
        for epoch, each in zip(epochs, points, strict=True)
    ]
    return pd.concat(tables)


def main(figure: str) -> None:
    params, key = read_params(), f"project_latents.{figure}"
    settings, compute = check(LatentFigure, section(params, key), key), read_compute(params)
    random_state = int(generator(read_seed(params), "t-SNE").integers(2**31))
    digits = load_digits()["test"].labels
    replicates = read_latents(settings.run, settings.epochs)
    tasks = [(settings.method, latents, digits, random_state) for latents in replicates]
    results = list(compute.each(project_replicate, tasks, len(tasks)))
    rows = [
        {"replicate": replicate, "epoch": epoch, **score}
        for replicate, (_, scores) in enumerate(results)
        for epoch, score in zip(settings.epochs, scores, strict=True)
    ]
    name = f"{figure}.csv"
    with whole_file(LATENTS / name) as partial:
        table = points_table(results[0][0], settings.epochs, np.array(load_classes())[digits])
        table.to_csv(partial, index=False, float_format="%.4g")
    with whole_file(SEPARATION / name) as partial:
        pd.DataFrame(rows).to_csv(partial, index=False, float_format="%.6g")


if __name__ == "__main__":
    run_stage(main)
