"""Project latent features into the plane, and measure how well the classes are separated there."""

import math
import warnings

import numpy as np

from pipeline.common.runs import load_latents, run_folder
from pipeline.runtime.errors import InputError

# Where the test set has samples enough.
PERPLEXITY, NEIGHBOURS, FOLDS = 30, 15, 5


def read_latents(run: str, epochs: list[int]) -> np.ndarray:
    """The last hidden activations of an MLP run at `epochs`: (replicates, epochs, test samples, units)."""
    folder = run_folder("mlp", run)
    latents = load_latents(folder)
    if latents is None:
        raise InputError(f"{folder} has no latents: mlp.runs.{run} must have latents_every above 0")
    recorded = latents.epoch.tolist()
    missing = sorted(set(epochs) - set(recorded))
    if missing:
        raise InputError(f"mlp.runs.{run} has no latents of epoch {missing}; it recorded {recorded}")
    return latents.activations[:, [recorded.index(epoch) for epoch in epochs]]


def project(method: str, latents: np.ndarray, random_state: int) -> np.ndarray:
    """(epochs, samples, units) -> (epochs, samples, 2), by a method "units", "pca" or "tsne".

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
    tsne = TSNE(init="pca", perplexity=min(PERPLEXITY, (samples - 1) / 3), random_state=random_state)
    return np.stack([tsne.fit_transform(each) for each in latents])


def separation(points: np.ndarray, digits: np.ndarray) -> dict[str, float]:
    """How well the classes of `points` (n, 2) are separated.

    The accuracy of a 15-nearest-neighbour classifier (5-fold cross-validation), and the mean silhouette
    (Rousseeuw, 1987; from -1 to 1). A class of fewer than five samples makes fewer folds, and few samples
    fewer neighbours. Both are 0 where no class has two samples.
    """
    from sklearn.metrics import silhouette_score
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.neighbors import KNeighborsClassifier

    sizes = np.unique(digits, return_counts=True)[1]
    if sizes.max() == 1:
        return {"knn_accuracy": 0.0, "silhouette": 0.0}
    folds = int(np.clip(sizes.min(), 2, FOLDS))
    trained_on = len(digits) - math.ceil(len(digits) / folds)
    neighbours = KNeighborsClassifier(min(NEIGHBOURS, trained_on))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class")
        accuracy = cross_val_score(neighbours, points, digits, cv=StratifiedKFold(folds)).mean()
    return {"knn_accuracy": float(accuracy), "silhouette": float(silhouette_score(points, digits))}
