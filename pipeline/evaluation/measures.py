"""The names of scores and measures: composed here alone, and put into words here alone.

A score is a column of plots/<part>/replicates.csv. A measure is a score of a run, as claims.yaml names it:
<part>.<run>.<score>, or latents.<figure>.<first or last>.<score> at an epoch of a latent figure.
"""

import re

NAMES = {
    "train_accuracy": "training accuracy",
    "test_accuracy": "test accuracy",
    "validation_accuracy": "validation accuracy",
    "train_error": "training error",
    "test_error": "test error",
    "train_loss": "training loss",
    "reported_loss": "loss / batch size",
    "epochs": "epochs trained",
    "sheets": "sheets of paper that the data name",
    "knn_accuracy": "15-NN accuracy",
    "test_error_small_crops": "error of small test crops",
    "test_error_other_crops": "error of other test crops",
}
SPLITS = {"train": "training", "test": "test", "validation": "validation"}


def score_name(split: str, what: str, *classes: object) -> str:
    """The score of a split, or of some classes in it.

    >>> score_name("test", "accuracy"), score_name("test", "accuracy", "none")
    ('test_accuracy', 'test_accuracy_none')
    >>> score_name("test", "confusion", 3, 2)       # of truth 3, taken for 2
    'test_confusion_3_2'
    """
    return "_".join([split, what, *map(str, classes)])


def is_of_class(score: str) -> bool:
    """Whether a score is that of a class, or of a pair of them.

    >>> is_of_class("test_accuracy_none"), is_of_class("test_confusion_3_2"), is_of_class("test_accuracy")
    (True, True, False)
    """
    return re.match("[a-z]+_(accuracy|samples|confusion)_", score) is not None


def counted_by(score: str) -> str | None:
    """The score that counts the samples of which an accuracy is a share; None of another score.

    >>> counted_by("test_accuracy_none")
    'test_samples_none'
    """
    return score.replace("_accuracy", "_samples", 1) if "_accuracy" in score else None


def measure_of(part: str, run: str, score: str) -> str:
    return f"{part}.{run}.{score}"


def subject(measure: str) -> str:
    """The run or latent figure of a measure.

    >>> subject("mlp.final.test_accuracy")
    'mlp.final'
    """
    return ".".join(measure.split(".")[:2])


def part_of(measure: str) -> str:
    """mlp, cnn or latents."""
    return measure.split(".")[0]


def in_words(measure: str) -> str:
    """A measure as a reader says it.

    >>> in_words("cnn.final.train_accuracy_none"), in_words("mlp.final.test_confusion_3_2")
    ('final: training accuracy of none', 'final: test samples of 3 taken for 2')
    >>> in_words("latents.F2_latents_20_15.first.knn_accuracy")
    'F2_latents_20_15, first epoch: 15-NN accuracy'
    """
    _, run, *moment, score = measure.split(".")
    name = NAMES.get(score, score)
    match score.split("_"):
        case [split, "accuracy" | "samples" as what, first, *rest]:
            name = f"{SPLITS[split]} {what} of {'_'.join([first, *rest])}"
        case [split, "confusion", truth, predicted]:
            name = f"{SPLITS[split]} samples of {truth} taken for {predicted}"
        case [split, "confusion", truth, predicted, "others"]:
            name = f"largest other {SPLITS[split]} error"
    return ", ".join([run, *(f"{each} epoch" for each in moment)]) + f": {name}"
