"""Latent features in the plane, and how well their classes are separated there."""

import numpy as np
import pytest
from sklearn.manifold import TSNE
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from pipeline.common.storage import save_arrays
from pipeline.runtime.errors import InputError
from stages.project_latents import plane


def test_separation_tells_clusters_from_noise():
    rng = np.random.default_rng(0)
    digits = np.arange(400) % 10
    centres = np.stack([np.arange(10) * 10.0, np.zeros(10)], axis=1)
    clusters = plane.separation(centres[digits] + rng.normal(size=(400, 2)), digits)
    noise = plane.separation(rng.normal(size=(400, 2)), digits)
    assert clusters["knn_accuracy"] > 0.97 and clusters["silhouette"] > 0.5
    assert noise["knn_accuracy"] < 0.25 and noise["silhouette"] < 0


@pytest.mark.parametrize("digits", [[0, 1], [0, 0, 1], [0, 0, 1, 1], [*range(26), 0, 0], [0] * 7 + [1] * 30])
def test_few_samples_are_projected_and_separated_as_far_as_they_go(digits):
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(1, len(digits), 3)).astype(np.float32)
    for method in ("pca", "tsne"):
        points = plane.project(method, latents, 0)
        assert points.shape == (1, len(digits), 2) and np.isfinite(points).all()
        found = plane.separation(points[0], np.array(digits))
        assert 0 <= found["knn_accuracy"] <= 1 and -1 <= found["silhouette"] <= 1
    assert (found["knn_accuracy"] == 0) >= (len(set(digits)) == len(digits)), "no neighbour is of the class"


def test_separation_is_scikit_learn_s_where_there_are_samples_enough():
    rng = np.random.default_rng(0)
    digits, points = np.arange(150) % 10, rng.normal(size=(150, 2))
    expected = cross_val_score(KNeighborsClassifier(15), points, digits, cv=StratifiedKFold(5)).mean()
    assert plane.separation(points, digits)["knn_accuracy"] == expected
    latents = rng.normal(size=(1, 100, 3)).astype(np.float32)
    np.testing.assert_array_equal(
        plane.project("tsne", latents, 5)[0], TSNE(init="pca", random_state=5).fit_transform(latents[0])
    )


def test_pca_has_the_same_axes_at_every_epoch():
    rng = np.random.default_rng(0)
    activations = rng.normal(size=(2, 50, 5)).astype(np.float32)
    activations[1] = activations[0] + 3.0
    points = plane.project("pca", activations, 0)
    shift = points[1] - points[0]
    assert points.shape == (2, 50, 2)
    np.testing.assert_allclose(shift, np.broadcast_to(shift[0], shift.shape), atol=1e-4)
    assert np.linalg.norm(shift[0]) == pytest.approx(3 * 5**0.5, rel=1e-2)


def test_latents_of_an_epoch_that_was_not_recorded_are_an_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models/mlp/a").mkdir(parents=True)
    arrays = {"epoch": np.array([10, 20]), "activations": np.zeros((1, 2, 4, 2))}
    save_arrays(tmp_path / "models/mlp/a/latents.safetensors", arrays)
    assert plane.read_latents("a", [20]).shape == (1, 1, 4, 2)
    with pytest.raises(InputError, match=r"no latents of epoch \[30\]; it recorded \[10, 20\]"):
        plane.read_latents("a", [20, 30])
    with pytest.raises(InputError, match="latents_every above 0"):
        plane.read_latents("b", [20])
