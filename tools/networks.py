"""Load a trained network from its weights' file.

The file holds the arrays and, as metadata, what mlp_training.describe or cnn.describe says of the network.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pipeline.common.digits import Digits
from pipeline.common.runs import name_of_weights
from pipeline.common.storage import load_about, load_arrays
from pipeline.runtime.errors import InputError
from stages.train_mlp.mlp import ACTIVATIONS, name_of_layer, predict, softmax


class Network(NamedTuple):
    """A trained network.

    `probabilities` takes n samples and gives (n, classes): of an MLP the samples are uint8 (n, 28, 28), white
    on black; of a CNN they are crops of `side` pixels, uint8 (n, 3, side, side), or float32 in 0 to 1 where
    `crops` is own_size.
    """

    about: dict[str, Any]
    weights: dict[str, np.ndarray]
    probabilities: Callable[[np.ndarray], np.ndarray]

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
    if about.get("kind") not in LOADERS:
        raise InputError(
            f"{file} does not say what network its weights are of; train it again with dvc repro"
        )
    return Network(about, weights, LOADERS[about["kind"]](weights, about, file))


def load_mlp(
    weights: dict[str, np.ndarray], about: dict[str, Any], file: Path
) -> Callable[[np.ndarray], np.ndarray]:
    """A function from samples to the probabilities of an MLP."""
    sizes = [about["side"] ** 2, *about["hidden"], len(about["classes"])]
    shapes = {name_of_layer(n): (units, sizes[n] + 1) for n, units in enumerate(sizes[1:])}
    check_shapes(weights, shapes, file)
    layers, activation = [weights[name] for name in shapes], ACTIVATIONS[about["activation"]]

    def probabilities(images: np.ndarray) -> np.ndarray:
        rows = Digits(images.reshape(len(images), -1), np.zeros(len(images), np.uint8))
        return softmax(predict(layers, rows, activation)).T

    return probabilities


def load_cnn(
    weights: dict[str, np.ndarray], about: dict[str, Any], file: Path
) -> Callable[[np.ndarray], np.ndarray]:
    """A function from crops to the probabilities of a CNN; imports PyTorch."""
    import torch

    from stages.train_cnn.cnn import EVALUATION_BATCH, build_described

    network = build_described(about)
    check_shapes(weights, {name: tuple(each.shape) for name, each in network.state_dict().items()}, file)
    network.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    network.eval()

    @torch.inference_mode()
    def probabilities(crops: np.ndarray) -> np.ndarray:
        scale = 255 if crops.dtype == np.uint8 else 1
        batches = torch.from_numpy(crops).split(EVALUATION_BATCH)
        return torch.cat([network(batch.float() / scale) for batch in batches]).softmax(dim=1).numpy()

    return probabilities


def check_shapes(weights: dict[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]], file: Path) -> None:
    """Raise InputError unless the weights have these names and shapes."""
    found = {name: array.shape for name, array in weights.items()}
    if found != shapes:
        wrong = sorted(name for name in {*found, *shapes} if found.get(name) != shapes.get(name))
        raise InputError(
            f"{file}: {wrong[0]} has the shape {found.get(wrong[0])}, but the network described there needs "
            f"{shapes.get(wrong[0])}; train it again with dvc repro"
        )


LOADERS = {"mlp": load_mlp, "cnn": load_cnn}
