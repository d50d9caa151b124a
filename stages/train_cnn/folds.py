"""The folds of cross-validation: which crops a replicate is trained on, and which it is tested on."""

import numpy as np

from pipeline.common.crops import Crops
from pipeline.runtime.errors import InputError


def rows_of_fold(crops: Crops, folds: int, fold: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Which crops are for training and for testing in a fold, counted from 0; all crops take part.

    The crops of a photograph are in one fold, and each class is spread over the folds. Every run that calls
    this with the same random state has the same folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=int(rng.integers(2**32)))
    try:
        sides = list(splitter.split(crops.label, crops.label, crops.photograph))
    except ValueError as error:
        raise InputError(f"the photographs cannot be put into {folds} folds: {error}") from None
    test = np.isin(np.arange(len(crops.label)), sides[fold][1])
    return {"train": ~test, "test": test}
