"""Check params.yaml and claims.yaml, and write what each run is set to.

    python -m stages.check_settings

Writes settings/<part>/<run>.json, all that a training's result depends on but its data: the run's settings
with those of the runs that it is like and the defaults, the seed, and the pinned versions of the packages
that it computes with. Its training depends on that file, so that DVC reruns just those whose file changes.
Every fault is named, and nothing is written while there is one. Models and plots that belong to no run or
figure of params.yaml any more are removed, since the stages after this one read whole folders of them.
"""

import re
import shutil
from typing import Any

from pipeline.common.paths import LATENTS, MODELS, PARAMS, REQUIREMENTS, SEPARATION, SETTINGS
from pipeline.common.runs import SETTINGS_FILE
from pipeline.common.storage import write_json
from pipeline.evaluation.claims import subjects
from pipeline.runtime.errors import InputError
from pipeline.runtime.files import whole_folder
from pipeline.runtime.process import run_stage
from pipeline.runtime.settings import read_params, read_seed, section
from pipeline.training.settings import Resolved
from stages.check_settings.checks import PARTS, check_all, may_stop_early


def pinned_versions(packages: tuple[str, ...]) -> dict[str, str]:
    """The versions of packages in requirements.txt."""
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)", REQUIREMENTS.read_text(encoding="utf-8"), re.MULTILINE))
    if missing := [name for name in packages if name not in pins]:
        raise InputError(f"{REQUIREMENTS} has no line {missing[0]}==<version>; trainings compute with it")
    return {name: pins[name] for name in packages}


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
    resolved, claims = check_all(params)
    with whole_folder(SETTINGS) as folder:
        for part, runs in resolved.items():
            packages = pinned_versions(PARTS[part].packages)
            (folder / part).mkdir()
            for run, settings in runs.items():
                content = Resolved(settings, read_seed(params), packages)
                write_json(folder / part / f"{run}.json", content._asdict())
    remove_stale(params)
    known = {f"{part}.{run}" for part, runs in resolved.items() for run in runs}
    known |= {f"latents.{figure}" for figure in section(params, "project_latents")}
    for sentence in may_stop_early(params, resolved["mlp"]):
        print(sentence)
    if missing := sorted(subjects(claims) - known):
        shown = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        print(f"{PARAMS} has no {shown}: claims about them are not comparable")


if __name__ == "__main__":
    run_stage(main)
