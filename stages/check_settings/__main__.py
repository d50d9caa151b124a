"""Check params.yaml and claims.yaml, and write what each run is set to.

    python -m stages.check_settings

Writes settings/<part>/<run>.json, the run's settings with the defaults filled in, on which its training
depends: a changed default retrains the runs that use it. Every fault is named, and nothing is written while
there is one. Models and plots that belong to no run or figure of params.yaml any more are removed, since the
stages after this one read whole folders of them.
"""

import shutil
from collections.abc import Callable
from typing import Any

from pipeline.common.paths import LATENTS, MODELS, PARAMS, SEPARATION, SETTINGS
from pipeline.common.runs import SETTINGS_FILE
from pipeline.common.storage import write_json
from pipeline.evaluation.claims import Claims, read_claims, subjects
from pipeline.evaluation.layout import FINAL_TABLES, final_run, read_tables
from pipeline.runtime.compute import Compute
from pipeline.runtime.errors import InputError
from pipeline.runtime.files import whole_folder
from pipeline.runtime.process import run_stage
from pipeline.runtime.settings import Strict, check, check_name, read_params, read_run, read_seed, section
from pipeline.sources.settings import Data
from pipeline.training.settings import CnnSettings, MlpSettings, TrainingSettings
from stages.crop_masks.settings import MasksSettings
from stages.prepare_digits.settings import DigitsSettings
from stages.project_latents.settings import LatentFigure

# A run with these values, where its part has such settings, is tested on the test set of the data.
SPLIT_OF_DATA = {"split": "given", "validation": 0, "folds": 0}
SECTIONS: dict[str, type[Strict]] = {
    "data": Data,
    "compute": Compute,
    "prepare_digits": DigitsSettings,
    "crop_masks": MasksSettings,
}
PARTS: dict[str, type[TrainingSettings]] = {"mlp": MlpSettings, "cnn": CnnSettings}
KEYS_OF_PART = ("defaults", "runs", "tables")

Resolved = dict[str, dict[str, dict[str, Any]]]  # part: run: settings, defaults filled in


def check_keys(params: dict[str, Any]) -> None:
    """Raise InputError for a section, or a key of a part, that no stage reads."""
    known = {"profile", "seed", "project_latents", *SECTIONS, *PARTS}
    wrong = [f"`{key}`" for key in params if key not in known]
    wrong += [f"`{part}.{key}`" for part in PARTS for key in section(params, part) if key not in KEYS_OF_PART]
    if wrong:
        raise InputError(f"{PARAMS}: {', '.join(wrong)}: there is no such setting")
    if not isinstance(section(params, "profile"), str):
        raise InputError(f"{PARAMS}: `profile` must be a name")


def check_section(params: dict[str, Any], name: str) -> None:
    check(SECTIONS[name], section(params, name), name)


def resolve_runs(params: dict[str, Any], part: str) -> dict[str, dict[str, Any]]:
    """The settings of every run of a part; an InputError names every wrong one."""
    model, wrong = PARTS[part], []
    runs: dict[str, dict[str, Any]] = {}
    check(model, section(params, f"{part}.defaults"), f"{part}.defaults")  # else each run repeats the fault
    for run in section(params, f"{part}.runs"):
        try:
            runs[run] = check(model, read_run(params, part, run), f"{part}.runs.{run}").model_dump()
        except InputError as error:
            wrong.append(str(error))
    if wrong:
        raise InputError(*wrong)
    return runs


def check_figures(params: dict[str, Any], runs: dict[str, dict[str, Any]]) -> None:
    """Raise InputError unless each latent figure shows what its run records."""
    figures = section(params, "project_latents")
    if not isinstance(figures, dict):
        raise InputError(f"{PARAMS}: `project_latents` must hold figures, as `name: settings`")
    for name, values in figures.items():
        check_name(name, "project_latents", "figure")
        check(LatentFigure, values, f"project_latents.{name}").check_run(name, runs)


def check_final(params: dict[str, Any], part: str, runs: dict[str, dict[str, Any]]) -> None:
    """Raise InputError unless the final network of a part is tested on the test set of the data."""
    final = final_run(part, read_tables(params, part))
    if final and any(runs[final].get(key, usual) != usual for key, usual in SPLIT_OF_DATA.items()):
        raise InputError(
            f"{PARAMS}: `{part}.tables.{FINAL_TABLES[part]}` begins with {final}, which is tested on samples "
            "of its own; name a run first with split: given and validation: 0 (mlp), or folds: 0 (cnn)"
        )


def check_all(params: dict[str, Any]) -> tuple[Resolved, Claims, list[str]]:
    """The settings of every run, the claims, and the faults of params.yaml and claims.yaml."""
    faults: list[str] = []

    def attempt(function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except InputError as error:
            faults.extend(error.lines)

    attempt(check_keys, params)
    attempt(read_seed, params)
    for name in SECTIONS:
        attempt(check_section, params, name)
    resolved = {part: attempt(resolve_runs, params, part) for part in PARTS}
    for part in PARTS:
        if resolved[part] is None:
            attempt(read_tables, params, part)
        else:
            attempt(check_final, params, part, resolved[part])
    if resolved["mlp"] is not None:
        attempt(check_figures, params, resolved["mlp"])
    return resolved, attempt(read_claims), faults


def remove_stale(params: dict[str, Any]) -> None:
    """Remove the outputs of runs and figures that params.yaml no longer has."""
    figures = set(section(params, "project_latents"))
    stale = [
        path for folder in (LATENTS, SEPARATION) for path in folder.glob("*.csv") if path.stem not in figures
    ]
    for part in PARTS:
        runs = set(section(params, f"{part}.runs"))
        stale += [
            file.parent for file in (MODELS / part).glob(f"*/{SETTINGS_FILE}") if file.parent.name not in runs
        ]
    for path in stale:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        print(f"removed {path}, which {PARAMS} no longer names")


def main() -> None:
    params = read_params()
    resolved, claims, faults = check_all(params)
    if len(faults) > 1:
        faults.append(f"{len(faults)} faults: correct them, and run again")
    if faults:
        raise InputError(*faults)
    with whole_folder(SETTINGS) as folder:
        for part, runs in resolved.items():
            (folder / part).mkdir()
            for run, values in runs.items():
                write_json(folder / part / f"{run}.json", values)
    remove_stale(params)
    known = {f"{part}.{run}" for part, runs in resolved.items() for run in runs}
    known |= {f"latents.{figure}" for figure in section(params, "project_latents")}
    if missing := sorted(subjects(claims) - known):
        print(f"{PARAMS} has no {', '.join(missing)}: the claims about them are not comparable")


if __name__ == "__main__":
    run_stage(main)
