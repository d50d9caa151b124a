"""The page on digits of other classes than the ten numerals."""

import html
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.common.digits import load_digits
from pipeline.evaluation.claims import read_claims
from pipeline.runtime.settings import read_params
from stages.write_report import page, results
from stages.write_report.figures.plans import plan_samples
from tests.write_report.made_results import write_workspace
from tests.write_report.test_report import FRAME, browse

pytestmark = pytest.mark.xdist_group("report")
CLASSES = {"two": ["no", "yes"], "letters": [chr(ord("A") + n) for n in range(25)] + ["<b>$"]}

TRY = r"""<script>
addEventListener("load", () => {
  const texts = selector => [...document.querySelectorAll(selector)].map(each => each.textContent);
  const numbers = texts(".cells[data-part=mlp] .matrix td"), compared = texts("#compare-confusions td");
  const found = {numbers, compared};
  document.querySelectorAll("#samples button")[1].click();
  setTimeout(() => {
    found.classes = texts("#digits tbody th");
    found.shares = [...document.querySelectorAll("#digits tbody tr")].map(row =>
      [...row.cells].slice(1).map(cell => parseFloat(cell.textContent)));
    found.verdict = texts("#verdict")[0];
    parent.postMessage(found, "*");
  });
});
</script>"""


@pytest.fixture(scope="module", params=CLASSES)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    folder, classes = tmp_path_factory.mktemp(request.param), CLASSES[request.param]
    write_workspace(folder, classes)
    return folder, classes


@pytest.fixture
def context(made: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(made[0])
    params, claims = read_params(), read_claims()
    return page.make_context(params, claims, results.read_results(params, claims), load_digits()["test"])


def test_the_sentences_are_about_these_classes(made: tuple[Path, list[str]], context: dict[str, Any]) -> None:
    classes = made[1]
    table = pd.read_csv(made[0] / "plots/mlp/replicates.csv").query("run == 'final'")
    cells = {(t, p): table[f"test_confusion_{t}_{p}"].mean() for t in classes for p in classes}
    worst = max((pair for pair in cells if pair[0] != pair[1]), key=lambda pair: cells[pair])
    assert (context["confusion"]["truth"], context["confusion"]["predicted"]) == worst
    assert context["drawn"]["mlp"][-1] == [str(len(classes)), "classes"]
    assert [each["digit"] for each in context["trial"]["samples"]][: len(classes)] == classes
    text = html.unescape(page.render_page(context | {"photographs": {}}, {}))
    assert f"the most frequent error is a {worst[0]} taken for a {worst[1]}" in text
    assert "<h3>Draw a character</h3>" in text
    assert ("classes that the final network finds least often" in text) == (len(classes) > 20)


def test_the_classes_that_are_found_least_often(
    made: tuple[Path, list[str]], context: dict[str, Any]
) -> None:
    if len(made[1]) <= 20:
        assert context["hardest"] == []
        return
    table = pd.read_csv(made[0] / "plots/mlp/class_accuracy.csv").query("run == 'final' and split == 'test'")
    accuracy = table.set_index("class").accuracy
    listed = {each["name"]: each["accuracy"] for each in context["hardest"]}
    assert len(listed) == 10 and list(listed.values()) == sorted(listed.values())
    assert max(listed.values()) <= accuracy.drop(list(listed)).min()
    for name, share in listed.items():
        assert share == pytest.approx(accuracy[name])


def test_figures_have_the_classes_of_the_data(made: tuple[Path, list[str]], context: dict[str, Any]) -> None:
    found = results.read_results(read_params(), read_claims())
    plans = plan_samples(found, "final", load_digits()["test"].images)
    _, training, test = plans["F4_mlp"]
    assert list(test.index) == list(test.columns) == list(training.index) == made[1]
    assert test.to_numpy().sum() == 40 and test.loc[made[1][0]].sum() == -(-40 // len(made[1]))


def test_the_page_shows_them_in_a_browser(
    made: tuple[Path, list[str]], context: dict[str, Any], tmp_path: Path
) -> None:
    classes = made[1]
    text = page.render_page(context | {"photographs": {}}, {})
    (tmp_path / "page.html").write_text(text.replace("</body>", f"{TRY}</body>"))
    (tmp_path / "frame.html").write_text(FRAME.format(width=1280))
    document, log = browse(tmp_path, tmp_path / "frame.html")
    found = re.search(r"<pre>(.*?)</pre>", document, re.DOTALL)
    assert found and "CONSOLE" not in log, log
    seen = json.loads(html.unescape(found[1]))
    assert len(seen["numbers"]) == len(classes) ** 2 and len(seen["compared"]) == 2 * len(classes) ** 2
    assert set(seen["numbers"] + seen["compared"]) == {""} or len(classes) <= 20
    assert len(seen["classes"]) == min(10, len(classes)) and set(seen["classes"]) <= set(classes)
    largest = np.max(seen["shares"], axis=1)
    assert (np.diff(largest) <= 0).all() or len(classes) <= 10
    assert seen["verdict"].startswith(f"A {classes[1]} of the test set. Read as ")
