"""Write a trained network as ONNX, for other programs and languages.

    python -m tools.export_onnx MODEL FILE.onnx

MODEL is the folder of a run, such as models/cnn/final, or a weights file in it. The graph takes `samples` and
gives `probabilities` (n, classes): of an MLP float32 (n, 784), of a CNN float32 (n, 3, side, side), both in 0
to 1. The classes and what else the weights file says are in the model's metadata.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from pipeline.runtime.errors import InputError, shorten
from pipeline.runtime.files import whole_file
from stages.train_mlp.mlp import name_of_layer
from tools.networks import Network, load_network

KINDS = ("weight", "bias", "running_mean", "running_var")  # of a layer's weights, in ONNX's order
SHOWN = 20  # classes that are named one by one
ACTIVATIONS = {"sigmoid": "Sigmoid", "tanh": "Tanh", "relu": "Relu"}


def to_onnx(network: Network) -> onnx.ModelProto:
    """The network as a checked ONNX model."""
    about, weights = network.about, network.weights
    nodes: list[NodeProto] = []
    tensors: list[TensorProto] = []

    def add(kind: str, arrays: Sequence[np.ndarray] = (), **attributes: Any) -> None:
        """An operator that takes what the one before it gives."""
        number, flow = len(nodes), nodes[-1].output[0] if nodes else "samples"
        names = [f"weights_{number}_{index}" for index in range(len(arrays))]
        tensors.extend(numpy_helper.from_array(each, name) for each, name in zip(arrays, names, strict=True))
        nodes.append(helper.make_node(kind, [flow, *names], [f"output_{number}"], **attributes))

    if about["kind"] == "mlp":
        shape = ["n", about["side"] ** 2]
        for number in range(len(weights)):
            if number:
                add(ACTIVATIONS[about["activation"]])
            layer = weights[name_of_layer(number)]  # whose last column are the biases
            add("Gemm", [layer[:, :-1], layer[:, -1]], transB=1)
    else:
        shape = ["n", 3, about["side"], about["side"]]
        end_of_block = 1 if about["batch_norm"] else 4  # dimensions of the weights before ReLU and pooling
        flat = False
        for name in sorted({key.split(".")[0] for key in weights}, key=int):
            arrays = [weights[f"{name}.{kind}"] for kind in KINDS if f"{name}.{kind}" in weights]
            if arrays[0].ndim == 4:
                add("Conv", arrays, strides=[about["stride"]] * 2, pads=[about["padding"]] * 4)
            elif arrays[0].ndim == 1:
                add("BatchNormalization", arrays, epsilon=1e-5)  # PyTorch's
            else:
                add("Relu") if flat else add("Flatten", axis=1)
                add("Gemm", arrays, transB=1)
                flat = True
            if arrays[0].ndim == end_of_block:
                add("Relu")
                add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    add("Softmax", axis=1)
    nodes[-1].output[0] = "probabilities"

    samples = helper.make_tensor_value_info("samples", TensorProto.FLOAT, shape)
    given = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", len(network.classes)])
    model = helper.make_model(
        helper.make_graph(nodes, about["kind"], [samples], [given], tensors),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
        producer_name="report-pipeline",
    )
    helper.set_model_props(model, {"about": json.dumps(about, sort_keys=True)})
    onnx.checker.check_model(model)
    return model


def check_target(path: Path) -> None:
    """Raise InputError if the path holds a file that is not ONNX, or its folder does not exist."""
    if not path.parent.is_dir():
        raise InputError(f"there is no folder {path.parent}")
    if path.is_file():
        try:
            onnx.checker.check_model(str(path))
        except onnx.checker.ValidationError:
            raise InputError(f"{path} exists and is not ONNX; name another file") from None


def main(*arguments: str) -> None:
    parser = argparse.ArgumentParser("python -m tools.export_onnx", description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path, help="a run's folder, as models/mlp/final, or a weights file")
    parser.add_argument("file", type=Path, help="what to write; an ONNX file there is replaced")
    given = parser.parse_args(arguments)
    try:
        check_target(given.file)
        network = load_network(given.model)
        with whole_file(given.file) as partial:
            partial.write_bytes(to_onnx(network).SerializeToString(deterministic=True))
    except (InputError, OSError) as error:
        sys.exit(shorten(f"export_onnx: {error}"))
    classes = network.classes
    shown = ", ".join(classes) if len(classes) <= SHOWN else f"{classes[0]} to {classes[-1]}"
    print(f"{given.file}: {network.about['kind']} with the {len(classes)} classes {shown}")


if __name__ == "__main__":
    main(*sys.argv[1:])
