"""The tables of params.yaml: which runs are in each, and which run is the final network of a part."""

from typing import Any

from pipeline.common.paths import PARAMS
from pipeline.runtime.errors import InputError, show
from pipeline.runtime.settings import NAME, section

OTHERS = "others"  # the table of the runs that are in none
FINAL_TABLES = {"mlp": "T7", "cnn": "T12"}  # whose first run is the final network of the part

Tables = dict[str, list[str]]  # table: the runs in it


def read_tables(params: dict[str, Any], part: str) -> Tables:
    """The tables of a part; InputError unless all of their runs exist."""
    runs, tables = list(section(params, f"{part}.runs")), section(params, f"{part}.tables")
    if not isinstance(tables, dict):
        raise InputError(f"{PARAMS}: `{part}.tables` must hold lists of runs, as T1: [final]")
    for table, members in tables.items():
        if not (isinstance(table, str) and NAME.fullmatch(table)) or table == OTHERS:
            raise InputError(
                f"{PARAMS}: {table!r} in `{part}.tables` cannot be the name of a table; use one such as T15"
            )
        where = f"{PARAMS}: `{part}.tables.{table}`"
        if not (isinstance(members, list) and members):
            raise InputError(f"{where} is {show(members)}; it must list runs, as in [final]")
        for run in members:
            if run not in runs:
                raise InputError(f"{where} names the run {run!r}; the runs are {', '.join(runs)}")
            if members.count(run) > 1:
                raise InputError(f"{where} names the run {run!r} twice")
    return tables


def final_run(part: str, tables: Tables) -> str | None:
    """The first run of T7 or T12, whose single predictions are shown; None without that table."""
    table = tables.get(FINAL_TABLES[part])
    return table[0] if table else None
