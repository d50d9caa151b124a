"""Load a trained network from its weights' file.

The file holds the arrays and, as metadata, what `describe` of its stage says of the network.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pipeline.common.runs import name_of_weights
from pipeline.common.storage import load_about, load_arrays
from pipeline.runtime.errors import InputError
from stages.train_mlp.mlp import ACTIVATIONS, name_of_layer, predict, softmax, to_inputs

Weights = dict[str, np.ndarray]  # by their names in the file
Probabilities = Callable[[np.ndarray], np.ndarray]  # of the classes, for samples


class Network(NamedTuple):
    """A trained network.

    `probabilities` takes n samples and gives (n, classes): of an MLP the samples are uint8 (n, 28, 28), white
    on black; of a CNN they are crops of `side` pixels, uint8 (n, 3, side, side), or float32 in 0 to 1 where
    `crops` is own_size.
    """

    about: dict[str, Any]
    weights: Weights
    probabilities: Probabilities

    @property
    def classes(self) -> list[str]:
        return list(self.about["classes"])


def load_network(path: Path) -> Network:
    """The network in a weights' file, or of the first replicate in the folder of a run.

    Raises InputError if there is none, or if its weights are not those of the layers that it describes.
    """
    file = path / name_of_weights(0) if path.is_dir() else path
    if not file.is_file():
        raise InputError(
            f"{path} holds no network; name a folder such as models/mlp/final, or a weights' file in it"
        )
    weights, about = load_arrays(file), load_about(file)
    match about.get("kind"):
        case "mlp":
            return Network(about, weights, load_mlp(weights, about, file))
        case "cnn":
            return Network(about, weights, load_cnn(weights, about, file))
    raise InputError(f"{file} does not say what network its weights are of; train it again with dvc repro")


def load_mlp(weights: Weights, about: dict[str, Any], file: Path) -> Probabilities:
    sizes = [about["side"] ** 2, *about["hidden"], len(about["classes"])]
    shapes = {name_of_layer(n): (units, sizes[n] + 1) for n, units in enumerate(sizes[1:])}
    check_shapes(weights, shapes, file)
    layers, activation = [weights[name] for name in shapes], ACTIVATIONS[about["activation"]]

    def probabilities(images: np.ndarray) -> np.ndarray:
        return softmax(predict(layers, to_inputs(images), activation)).T

    return probabilities


def load_cnn(weights: Weights, about: dict[str, Any], file: Path) -> Probabilities:
    import torch  # which an MLP does without

    from stages.train_cnn.cnn import EVALUATION_BATCH, build_described

    network = build_described(about)
    check_shapes(weights, {name: tuple(each.shape) for name, each in network.state_dict().items()}, file)
    network.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    network.eval()

    @torch.inference_mode()
    def probabilities(crops: np.ndarray) -> np.ndarray:
        scale = 255 if crops.dtype == np.uint8 else 1
        logits = torch.empty(len(crops), len(about["classes"]))  # filled in place, as score() does
        batches = torch.from_numpy(crops).split(EVALUATION_BATCH)
        for batch, of_batch in zip(batches, logits.split(EVALUATION_BATCH), strict=True):
            of_batch[:] = network(batch.float() / scale)
        return logits.softmax(dim=1).numpy()

    return probabilities


def check_shapes(weights: Weights, shapes: Mapping[str, tuple[int, ...]], file: Path) -> None:
    """Raise InputError unless the weights have these names and shapes."""
    found = {name: array.shape for name, array in weights.items()}
    if found != shapes:
        wrong = sorted(name for name in {*found, *shapes} if found.get(name) != shapes.get(name))
        raise InputError(
            f"{file}: {wrong[0]} has the shape {found.get(wrong[0])}, but the network described there needs "
            f"{shapes.get(wrong[0])}; train it again with dvc repro"
        )
