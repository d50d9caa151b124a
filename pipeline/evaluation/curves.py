"""Learning curves: plots/<part>/curves/<table>.csv."""

from pathlib import Path

import pandas as pd

from pipeline.common.runs import Run
from pipeline.evaluation.claims import Tables

# Okabe and Ito, Color Universal Design, 2008, and a brown: colour-blind readers can tell them apart.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5230", "#8a8a8a")


def write_curves(folder: Path, tables: Tables, runs: dict[str, Run]) -> None:
    """<table>.csv: for each run and epoch the mean over replicates and, with several, the deviation, and the
    run's colour.
    """
    folder.mkdir()
    colours = choose_colours(tables, list(runs))
    for table, names in tables.items():
        curves = [mean_curve(runs[name].curves).assign(run=name, colour=colours[name]) for name in names]
        pd.concat(curves).to_csv(folder / f"{table}.csv", float_format="%.6g")


def choose_colours(tables: Tables, runs: list[str]) -> dict[str, str]:
    """A colour for each run, the same in every table, that no earlier run of its tables has.

    Where a table has more runs than there are colours, they are used again.

    >>> choose_colours({"T1": ["a", "b"], "T2": ["c", "b"]}, ["a", "b", "c"])
    {'a': '#0072b2', 'b': '#d55e00', 'c': '#0072b2'}
    """
    colours: dict[str, str] = {}
    for run in runs:
        beside = {each for members in tables.values() if run in members for each in members}
        taken = [colours[each] for each in beside & colours.keys()]
        colours[run] = min(COLOURS, key=taken.count)
    return colours


def mean_curve(curves: pd.DataFrame) -> pd.DataFrame:
    """Each column's mean over replicates by epoch, and <column>_std."""
    epochs = curves.drop(columns=["replicate", "kept"]).groupby("epoch")
    deviations = epochs.std(ddof=1).add_suffix("_std").dropna(axis="columns", how="all")
    return epochs.mean().join(deviations)
