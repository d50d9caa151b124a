"""The hand-derived back-propagation against autograd."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss

from stages.train_mlp import mlp
from stages.train_mlp import training as mlp_training
from tests.autograd import autograd_loss


@settings(max_examples=60)
@given(
    hidden=st.lists(st.integers(1, 7) | st.integers(250, 260), min_size=1, max_size=4),
    activation=st.sampled_from(["sigmoid", "tanh", "relu"]),
    samples=st.integers(1, 9),
    pixels=st.integers(1, 6),
    seed=st.integers(0, 2**32),
)
def test_a_step_follows_the_gradient_of_autograd(hidden, activation, samples, pixels, seed):
    rng = np.random.default_rng(seed)
    sizes = [pixels, *hidden, 10]
    drawn = mlp.initial_layers(sizes, "normal", "normal", 1.0, activation, rng)
    before = [layer.astype(float) for layer in drawn]
    images, labels = rng.random((samples, pixels)), rng.integers(0, 10, samples)
    expected = [torch.from_numpy(layer).requires_grad_() for layer in before]
    autograd_loss(expected, torch.from_numpy(images), torch.from_numpy(labels), activation).backward()

    layers = [layer.copy() for layer in before]
    inputs, targets = np.hstack([images, np.ones((samples, 1))]), np.eye(10)[:, labels]
    buffers, momentum = mlp.Buffers(layers, samples), mlp.Momentum(0.0, layers)
    mlp.train_step(layers, buffers, inputs, targets, 0.1 / samples, mlp.ACTIVATIONS[activation], momentum)
    for was, now, reference in zip(before, layers, expected, strict=True):
        np.testing.assert_allclose((was - now) / 0.1, reference.grad, rtol=1e-9, atol=1e-12)


def test_the_step_worked_in_the_docstring():
    layers = [np.zeros((2, 2), np.float32)]
    inputs, targets = np.ones((1, 2), np.float32), np.array([[1], [0]], np.float32)
    buffers, momentum = mlp.Buffers(layers, 1), mlp.Momentum(0.0, layers)
    mlp.train_step(layers, buffers, inputs, targets, 1.0, mlp.ACTIVATIONS["sigmoid"], momentum)
    assert layers[0].tolist() == [[0.5, 0.5], [-0.5, -0.5]]


def test_evaluation_agrees_with_scikit_learn():
    rng = np.random.default_rng(2)
    layers = mlp.initial_layers([6, 5, 10], "normal", "zeros", 1.0, "sigmoid", rng)
    images, labels = rng.integers(0, 256, (1250, 2, 3), np.uint8), (np.arange(1250) % 10).astype(np.uint8)
    hidden = 1 / (1 + np.exp(-(images.reshape(-1, 6) / 255 @ layers[0][:, :-1].T + layers[0][:, -1])))
    logits = hidden @ layers[1][:, :-1].T + layers[1][:, -1]
    inputs = mlp.to_inputs(images)
    found = mlp.predict(layers, inputs, mlp.ACTIVATIONS["sigmoid"])
    np.testing.assert_allclose(found, logits.T, rtol=1e-4, atol=1e-5)
    units = mlp.last_hidden(layers, inputs, mlp.ACTIVATIONS["sigmoid"])
    np.testing.assert_allclose(units, hidden, rtol=1e-4, atol=1e-6)
    probabilities = torch.softmax(torch.from_numpy(logits), 1).numpy()
    expected = log_loss(labels, probabilities, labels=range(10))
    assert mlp.cross_entropy(found, labels) == pytest.approx(expected, rel=1e-5)
    sigmoid = mlp.ACTIVATIONS["sigmoid"]
    scores, predicted = mlp_training.score(layers, {"test": inputs}, {"test": labels}, sigmoid)
    assert predicted["test"].tolist() == logits.argmax(axis=1).tolist()
    assert scores["test_accuracy"] == pytest.approx((logits.argmax(axis=1) == labels).mean())


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu"])
def test_an_activation_and_its_slope(name):
    """Also far out, where exp is infinite."""
    z = np.array([-200, -30, -1.5, -0.0, 0.25, 2, 30, 200], np.float32)
    reference = torch.from_numpy(z.astype(float)).requires_grad_()
    expected = getattr(torch, name)(reference)
    expected.sum().backward()
    units = z.copy()
    with np.errstate(over="ignore"):
        mlp.ACTIVATIONS[name].apply(units)
    np.testing.assert_allclose(units, expected.detach(), rtol=1e-6, atol=1e-30)
    np.testing.assert_allclose(mlp.ACTIVATIONS[name].slope(units), reference.grad, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("weights", "activation", "std"),
    [("scaled", "sigmoid", 1 / 20), ("scaled", "relu", 2**0.5 / 20), ("zeros", "tanh", 0)],
)
def test_initial_weights_have_their_deviation(weights, activation, std):
    (layer,) = mlp.initial_layers([400, 300], weights, "zeros", 0.3, activation, np.random.default_rng(0))
    assert layer.shape == (300, 401)
    assert layer[:, :-1].std() == pytest.approx(std, rel=0.02)
    assert not layer[:, -1].any()


def test_initial_layers_are_single_precision_draws_weights_before_biases():
    draw, again = np.random.default_rng(3), np.random.default_rng(3)
    for layer in mlp.initial_layers([5, 4, 10], "normal", "normal", 0.3, "sigmoid", draw):
        units, inputs = layer.shape
        drawn = [again.standard_normal(shape, np.float32) for shape in ((units, inputs - 1), (units, 1))]
        assert (layer == np.concatenate(drawn, axis=1) * np.float32(0.3)).all()
