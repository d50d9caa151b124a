"""Learning curves: plots/<part>/curves/<table>.csv."""

from pathlib import Path

import pandas as pd

from pipeline.evaluation.scores import Run
from pipeline.evaluation.tables import OTHERS, Tables


def write_curves(folder: Path, tables: Tables, runs: dict[str, Run]) -> None:
    """<table>.csv: for each run and epoch the mean over replicates and, with several, the deviation;
    others.csv: the same of the runs that are in no table.
    """
    folder.mkdir()
    others = [name for name in runs if not any(name in members for members in tables.values())]
    for table, names in (tables | {OTHERS: others} if others else tables).items():
        curves = pd.concat([mean_curve(runs[name].curves).assign(run=name) for name in names])
        curves.to_csv(folder / f"{table}.csv", float_format="%.6g")


def mean_curve(curves: pd.DataFrame) -> pd.DataFrame:
    """Each column's mean over replicates by epoch, and <column>_std."""
    epochs = curves.drop(columns=["replicate", "kept"]).groupby("epoch")
    deviations = epochs.std(ddof=1).add_suffix("_std").dropna(axis="columns", how="all")
    return epochs.mean().join(deviations)
