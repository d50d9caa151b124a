"""The tables (T) and figures (F) of the report, and two tables of ours, by part, in the order of the page. A
table that a user adds follows those of its part.
"""

from collections.abc import Sequence

from pipeline.common.classes import DIGIT_CLASSES

PARTS = {
    "mlp": {
        "T1": "number of hidden layers",
        "T2": "hidden units",
        "T3": "learning rate",
        "T4": "mini-batch size",
        "T5": "number of epochs",
        "T6": "keep the best weights",
        "T7": "final setting",
        "T8": "initial weights",
        "T16": "the network at its best",
        "F1": "two units before the output",
        "F2": "PCA of 15 units",
        "F3": "t-SNE of 15 units",
        "F4": "confusion matrices",
        "F5": "the most confused pair",
    },
    "cnn": {
        "T9": "stride",
        "T10": "filter",
        "T11": "optimiser",
        "T12": "final setting",
        "T13": "accuracy of each class",
        "T14": "class imbalance",
        "T15": "remedies for a rare class",
        "F6": "right and wrong crops",
        "F7": "whole photographs",
    },
}
TITLES = {name: title for titles in PARTS.values() for name, title in titles.items()}
LEFT_OPEN = ("T15", "T16")  # which are ours, and have a chapter of their own
OTHERS_TITLE = "runs in no table"


def name_samples(classes: Sequence[str]) -> str:
    """What one sample of part 1 is called, given its classes."""
    return "numeral" if set(classes) <= set(DIGIT_CLASSES) else "character"
