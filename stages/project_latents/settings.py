"""A figure of the section `project_latents` of params.yaml, which explains each key."""

from typing import Annotated, Any, Literal

from pydantic import Field

from pipeline.common.paths import PARAMS
from pipeline.runtime.errors import InputError
from pipeline.runtime.settings import Strict


class LatentFigure(Strict):
    run: str
    method: Literal["units", "pca", "tsne"]
    epochs: list[Annotated[int, Field(ge=1)]] = Field(min_length=1)

    def check_run(self, figure: str, runs: dict[str, dict[str, Any]]) -> None:
        """Raise InputError unless the run records its latents at these epochs; `runs` are resolved."""
        where = f"{PARAMS}: `project_latents.{figure}`"
        if self.run not in runs:
            raise InputError(f"{where} shows the run {self.run!r}, which `mlp.runs` does not have")
        if runs[self.run]["split"] != "given":
            raise InputError(
                f"{where} shows the test set of the data, but mlp.runs.{self.run} draws its own "
                f"(split: {runs[self.run]['split']}); set it to split: given, or show another run"
            )
        every, last = runs[self.run]["latents_every"], runs[self.run]["epochs"]
        missing = [epoch for epoch in self.epochs if not every or epoch % every or epoch > last]
        if missing:
            raise InputError(
                f"{where} shows epoch {missing[0]}, which mlp.runs.{self.run} does not record: "
                f"its latents_every is {every}, its epochs are {last}"
            )
        units = runs[self.run]["hidden"][-1]
        if self.method == "units" and units != 2:
            raise InputError(
                f"{where} shows units as they are, and mlp.runs.{self.run} ends with {units}, not 2"
            )
