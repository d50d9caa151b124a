"""The page of `dvc plots show`: what it says, its order, and that it can be read on a phone."""

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Workspace
from tests.write_report.test_report import FRAME, browse

LOOK = """<script>
addEventListener("load", () => setTimeout(() => parent.postMessage({
  title: document.title, text: document.querySelector("h1 + p").textContent,
  width: document.documentElement.scrollWidth,
  headings: [...document.querySelectorAll("main h2, main h3")].map(each => each.textContent),
  drawn: [...document.querySelectorAll("main > div")].map(each => !!each.querySelector("canvas, svg")),
  wide: [...document.querySelectorAll("[id$=T1_csv], [id*=confusion]")].map(each => each.scrollWidth),
}, "*"), 5000));
</script></body>"""


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_is_titled_ordered_and_fits_a_phone(
    quick_run: Workspace, tmp_path: Path, width: int
) -> None:
    before, after = (quick_run.folder / "dvc_plots/index.html").read_text().rsplit("</body>", 1)
    (tmp_path / "page.html").write_text(before + LOOK + after)
    (tmp_path / "frame.html").write_text(FRAME.format(width=width))
    document, log = browse(tmp_path, tmp_path / "frame.html")
    found = re.search(r"<pre>(.*?)</pre>", document, re.DOTALL)
    assert found and "Uncaught" not in log, log
    seen = json.loads(html.unescape(found[1]))
    assert seen["title"] == "Plots of a deep-learning report, reproduced" and "synthetic data" in seen["text"]
    assert len(seen["drawn"]) > 12 and all(seen["drawn"])
    assert seen["width"] <= width and max(seen["wide"]) <= width
    headings = seen["headings"]
    curves = headings[1 : headings.index("Part 1: confusion matrices, of the first training of each run")]
    numbers = [int(re.split(r"\W", heading[1:])[0]) for heading in curves[:-1]]
    assert curves[0].startswith("T1 ") and curves[-1] == "runs in no table" and numbers == sorted(numbers)


def values_of(template: Any, key: str) -> list[Any]:
    """Every value of a key in a template, however deep."""
    if isinstance(template, list):
        return [value for each in template for value in values_of(each, key)]
    if not isinstance(template, dict):
        return []
    here = [value for name, value in template.items() if name == key]
    return here + values_of(list(template.values()), key)


@pytest.mark.parametrize("name", ["curves", "latents", "matrix"])
def test_a_tooltip_has_few_fields(name: str) -> None:
    template = json.loads((ROOT / f".dvc/plots/{name}.json").read_text())
    tooltips = values_of(template, "tooltip")
    assert tooltips and all(len(tooltip) <= 5 for tooltip in tooltips)


def test_training_and_test_set_have_one_axis() -> None:
    template = json.loads((ROOT / ".dvc/plots/curves.json").read_text())
    assert [pair["resolve"]["scale"]["y"] for pair in template["vconcat"]] == ["shared", "shared"]
    assert [len(pair["concat"]) for pair in template["vconcat"]] == [2, 2]
