"""Write a trained network as ONNX, for other programs and languages.

    python -m tools.export_onnx MODEL FILE.onnx

MODEL is the folder of a run, such as models/cnn/final, or a weights file in it. The graph takes `samples` and
gives `probabilities` (n, classes): of an MLP float32 (n, 784), of a CNN float32 (n, 3, side, side), both in 0
to 1. The classes and what else the weights file says are in the model's metadata.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from pipeline.runtime.errors import InputError
from pipeline.runtime.files import whole_file
from stages.train_mlp.mlp import name_of_layer
from tools.networks import Network, load_network

OPSET = 17
KINDS = ("weight", "bias", "running_mean", "running_var")  # of a layer's weights, in ONNX's order
EPSILON = 1e-5  # PyTorch's in batch normalisation
NAMES = {"sigmoid": "Sigmoid", "tanh": "Tanh", "relu": "Relu"}


class Graph:
    """Nodes in a row, each taking what the one before it gives."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.weights: list[TensorProto] = []
        self.last = "samples"

    def add(self, kind: str, weights: Sequence[np.ndarray] = (), **attributes: Any) -> None:
        number = len(self.nodes)
        names = [f"weights_{number}_{index}" for index in range(len(weights))]
        self.weights += [numpy_helper.from_array(w, name) for w, name in zip(weights, names, strict=True)]
        output = f"output_{number}"
        self.nodes.append(helper.make_node(kind, [self.last, *names], [output], **attributes))
        self.last = output


def mlp_graph(network: Network) -> Graph:
    """The graph of an MLP. The last column of a layer's weights are its biases."""
    graph = Graph()
    for number in range(len(network.weights)):
        layer = network.weights[name_of_layer(number)]
        if number:
            graph.add(NAMES[network.about["activation"]])
        weights = [np.ascontiguousarray(layer[:, :-1]), np.ascontiguousarray(layer[:, -1])]
        graph.add("Gemm", weights, transB=1)
    graph.add("Softmax", axis=1)
    return graph


def cnn_graph(network: Network) -> Graph:
    """Convolutions with ReLU and 2x2 max pooling, then the head; weights by their names in PyTorch."""
    graph, about = Graph(), network.about
    layers: dict[str, list[np.ndarray]] = {}
    for name in sorted({name.split(".")[0] for name in network.weights}, key=int):
        kinds = [kind for kind in KINDS if f"{name}.{kind}" in network.weights]
        layers[name] = [network.weights[f"{name}.{kind}"] for kind in kinds]
    head = len(layers) - len(about["head"]) - 1  # the first fully connected layer
    for number, weights in enumerate(layers.values()):
        if number >= head:
            graph.add("Flatten", axis=1) if number == head else graph.add("Relu")
            graph.add("Gemm", weights, transB=1)
            continue
        of_convolution = weights[0].ndim == 4
        if of_convolution:
            graph.add("Conv", weights, strides=[about["stride"]] * 2, pads=[about["padding"]] * 4)
        else:
            graph.add("BatchNormalization", weights, epsilon=EPSILON)
        if of_convolution != about["batch_norm"]:  # after the batch normalisation, where there is one
            graph.add("Relu")
            graph.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    graph.add("Softmax", axis=1)
    return graph


def to_onnx(network: Network) -> onnx.ModelProto:
    """The network as a checked ONNX model."""
    of_mlp, side = network.about["kind"] == "mlp", network.about["side"]
    graph = mlp_graph(network) if of_mlp else cnn_graph(network)
    graph.nodes[-1].output[0] = "probabilities"
    shape = ["n", side * side] if of_mlp else ["n", 3, side, side]
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            str(network.about["kind"]),
            [helper.make_tensor_value_info("samples", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", len(network.classes)])],
            graph.weights,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=8,
        producer_name="report-pipeline",
    )
    helper.set_model_props(model, {"about": json.dumps(network.about, sort_keys=True)})
    onnx.checker.check_model(model)
    return model


def main(source: str = "", target: str = "") -> None:
    if not target:
        sys.exit("usage: python -m tools.export_onnx MODEL FILE.onnx")
    try:
        network = load_network(Path(source))
        with whole_file(Path(target)) as partial:
            partial.write_bytes(to_onnx(network).SerializeToString(deterministic=True))
    except (InputError, OSError) as error:
        sys.exit(f"export_onnx: {error}")
    print(f"{target}: {network.about['kind']} with the classes {', '.join(network.classes)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
