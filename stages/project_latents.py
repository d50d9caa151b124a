"""What the last hidden layer makes of the test set: figures F1 (two units), F2 (PCA) and F3 (t-SNE).

    python -m stages.project_latents

Reads data/digits.npz and models/mlp/<run>/latents.npz; writes plots/latents/: <figure>_<run>.csv, the
points of replicate 0 (epoch, x, y, digit), and separation.csv, for every replicate, how well the classes
are separated in the plane: the accuracy of a 15-nearest-neighbour classifier (5-fold cross-validation)
and the mean silhouette (Rousseeuw, 1987; from -1 to 1).
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from pipeline.common.compute import Compute
from pipeline.common.files import whole_folder
from pipeline.common.seeds import generator
from pipeline.common.settings import InputError, Strict, check, read_params, read_seed, run_stage, section

DIGITS = Path("data/digits.npz")
MODELS = Path("models/mlp")
PLOTS = Path("plots/latents")
# Figure: how it gets to two dimensions, and the runs that it shows.
FIGURES = {
    "F1": ("units", ["latents_16_2", "latents_32_16_2"]),
    "F2": ("pca", ["latents_20_15"]),
    "F3": ("tsne", ["latents_20_15"]),
}


class Settings(Strict):
    """`project_latents`: the epochs that the figures show; they must have been recorded."""

    units_epochs: list[Annotated[int, Field(ge=1)]] = Field(min_length=1)
    pca_epochs: list[Annotated[int, Field(ge=1)]] = Field(min_length=1)
    tsne_epochs: list[Annotated[int, Field(ge=1)]] = Field(min_length=1)


def read_latents(run: str, epochs: list[int]) -> np.ndarray:
    """The activations of a run at `epochs`: (replicates, epochs, test samples, units)."""
    path = MODELS / run / "latents.npz"
    if not path.is_file():
        raise InputError(f"{path} is missing: mlp.runs.{run} must have latents_every above 0")
    with np.load(path, allow_pickle=False) as arrays:
        recorded, activations = arrays["epoch"].tolist(), arrays["activations"]
    missing = sorted(set(epochs) - set(recorded))
    if missing:
        raise InputError(f"mlp.runs.{run} has no latents of epoch {missing}; it recorded {recorded}")
    return activations[:, [recorded.index(epoch) for epoch in epochs]]


def project(method: str, latents: np.ndarray, random_state: int) -> np.ndarray:
    """(epochs, samples, units) -> (epochs, samples, 2).

    The axes of PCA are fitted on all epochs together, so that its pictures can be compared; t-SNE has no
    axes, and places each epoch by itself, starting from its PCA.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    epochs, samples, units = latents.shape
    if method == "units":
        return latents
    if method == "pca":
        return PCA(2, svd_solver="full").fit_transform(latents.reshape(-1, units)).reshape(epochs, samples, 2)
    return np.stack([TSNE(init="pca", random_state=random_state).fit_transform(each) for each in latents])


def separation(points: np.ndarray, digits: np.ndarray) -> dict[str, float]:
    """How well the classes of `points` (n, 2) are separated: k-NN accuracy and mean silhouette."""
    from sklearn.metrics import silhouette_score
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.neighbors import KNeighborsClassifier

    neighbours = KNeighborsClassifier(n_neighbors=15)
    accuracy = cross_val_score(neighbours, points, digits, cv=StratifiedKFold(5)).mean()
    return {"knn_accuracy": float(accuracy), "silhouette": float(silhouette_score(points, digits))}


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
    settings = check(Settings, section(params, "project_latents"), "project_latents").model_dump()
    compute = check(Compute, section(params, "compute"), "compute")
    random_state = int(generator(read_seed(params), "t-SNE").integers(2**31))
    with np.load(DIGITS, allow_pickle=False) as arrays:
        digits = arrays["test_labels"]
    jobs, tasks = [], []
    for figure, (method, runs) in FIGURES.items():
        for run in runs:
            epochs = settings[f"{method}_epochs"]
            for replicate, latents in enumerate(read_latents(run, epochs)):
                jobs.append((figure, run, epochs, replicate))
                tasks.append((method, latents, digits, random_state))
    with whole_folder(PLOTS) as folder:
        results = list(compute.each(project_replicate, tasks, len(tasks)))
        rows = []
        for (figure, run, epochs, replicate), (points, scores) in zip(jobs, results, strict=True):
            if replicate == 0:
                table = points_table(points, epochs, digits)
                table.to_csv(folder / f"{figure}_{run}.csv", index=False, float_format="%.4g")
            at = {"figure": figure, "run": run, "replicate": replicate}
            rows += [{**at, "epoch": epoch, **score} for epoch, score in zip(epochs, scores, strict=True)]
        pd.DataFrame(rows).to_csv(folder / "separation.csv", index=False, float_format="%.6g")


if __name__ == "__main__":
    run_stage(main)
