"""What can be looked into on the page: two runs side by side, cells of confusions, latents by epoch."""

import base64
import html
import json
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from dvc.utils.hydra import apply_overrides
from PIL import Image

from pipeline.common.digits import load_digits
from pipeline.evaluation.claims import read_claims
from pipeline.runtime.settings import read_params, resolve_run
from stages.check_settings.checks import check_all
from stages.write_report import look_into, page, results
from tests.conftest import ROOT
from tests.making import MASK_CLASSES
from tests.write_report.made_results import write_workspace
from tests.write_report.test_report import FRAME, browse

pytestmark = pytest.mark.xdist_group("report")
DIGITS = list("0123456789")

LOOK = r"""<script>
addEventListener("load", async () => {
  const changed = (list, act) => new Promise(resolve => {
    const observer = new MutationObserver(() => { observer.disconnect(); resolve(); });
    observer.observe(list, {childList: true});
    act();
  });
  const texts = elements => [...elements].map(element => element.textContent);
  const rows = id => [...document.querySelectorAll(`#${id} tbody tr`)].map(row => texts(row.cells));
  const choose = (id, value) => {
    const select = document.getElementById(id);
    select.value = value;
    select.dispatchEvent(new Event("change"));
  };
  const compared = () => ({
    settings: rows("compare-settings"), scores: rows("compare-scores"),
    heads: texts(document.querySelectorAll("#compare-settings thead th")),
    lines: document.querySelectorAll("#compare-curves path:not(.grid)").length,
    ends: document.querySelector("#compare-curves svg").ariaLabel,
    confusions: [...document.querySelectorAll("#compare-confusions table")].map(table =>
      [...table.tBodies[0].rows].map(row => texts([...row.cells].slice(1)))),
  });
  const found = {hidden: document.querySelectorAll("[data-scripted][hidden]").length, first: compared()};
  choose("compare-one", "step_momentum");
  choose("compare-other", "step_cycle");
  found.mlp = compared();
  choose("compare-other", "step_momentum");
  found.same = compared().settings;
  choose("compare-part", "cnn");
  choose("compare-one", "stride_2");
  choose("compare-other", "cv_weighted");
  found.cnn = compared();
  for (const root of document.querySelectorAll(".cells")) {
    const buttons = [...root.querySelectorAll(".matrix button")], part = root.dataset.part;
    const seen = () => ({
      said: root.querySelector("[role=status]").textContent,
      pressed: root.querySelector("[aria-pressed=true]").ariaLabel,
      stops: buttons.filter(button => button.tabIndex === 0).length,
      lines: [...root.querySelectorAll(".opened li")].map(li => texts(li.querySelectorAll("span"))),
      pixels: [...root.querySelectorAll(".opened canvas")].map(canvas =>
        [...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data]),
    });
    const list = root.querySelector(".opened ul");
    if (!list.children.length) await changed(list, () => {});
    const opened = seen();
    await changed(list, () => buttons[1].click());
    const clicked = seen();
    buttons[1].focus();
    buttons[1].dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowLeft", cancelable: true}));
    const moved = document.activeElement === buttons[0], labels = buttons.map(button => button.ariaLabel);
    found[`cells_${part}`] = {opened, clicked, labels, moved};
  }
  const root = document.querySelector(".epochs"), slider = root.querySelector("input");
  const epoch = () => [root.querySelector("output").textContent, slider.getAttribute("aria-valuetext"),
    ...[...root.querySelectorAll("path")].map(path => path.getAttribute("d"))];
  found.epochs = [epoch()];
  slider.value = 1;
  slider.dispatchEvent(new Event("input"));
  found.epochs.push(epoch());
  parent.postMessage(found, "*");
});
</script>"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("look_into")
    write_workspace(folder)
    return folder


@pytest.fixture
def here(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(workspace)
    return workspace


@pytest.fixture
def context(here: Path) -> dict[str, Any]:
    params, claims = read_params(), read_claims()
    test = load_digits()["test"]
    return page.make_context(params, claims, results.read_results(params, claims), test)


@pytest.fixture
def look(context: dict[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = context["look_into"]
    return data


def replicates(part: str, run: str) -> pd.DataFrame:
    table = pd.read_csv(f"plots/{part}/replicates.csv", keep_default_na=False, na_values=[""])
    return table[table.run == run]


def mean_shares(part: str, run: str, classes: list[str]) -> np.ndarray:
    """The share of each true class's test samples taken for each class: the mean over replicates."""
    rows = replicates(part, run)
    shares = np.array([[rows[f"test_confusion_{t}_{p}"].mean() for p in classes] for t in classes])
    return shares / shares.sum(axis=1, keepdims=True)


def test_runs_have_the_numbers_of_the_csv_files(look: dict[str, Any]) -> None:
    for part, classes in (("mlp", DIGITS), ("cnn", list(MASK_CLASSES))):
        runs = pd.read_csv(f"plots/{part}/runs.csv", index_col="run")
        assert list(look["runs"][part]) == list(read_params()[part]["runs"])
        for run, of_run in look["runs"][part].items():
            for score, (mean, spread) in of_run["scores"].items():
                assert mean == pytest.approx(runs[score][run], rel=1e-4), (run, score)
                assert spread == pytest.approx(runs[f"{score}_std"][run], rel=1e-4), (run, score)
            columns = [str(number) for number in range(len(classes))]
            rows = [[row.get(column, 0) for column in columns] for row in of_run["confusion"]]
            shares = np.array(rows) / 1000
            np.testing.assert_allclose(shares, mean_shares(part, run, classes), atol=0.00051)
    assert look["runs"]["cnn"]["sgd"]["scores"].keys() >= {"test_accuracy", "recall", "test_accuracy_none"}


def test_a_run_has_its_settings(look: dict[str, Any], here: Path) -> None:
    params = read_params()
    for part in ("mlp", "cnn"):
        for run, of_run in look["runs"][part].items():
            shown = look["defaults"][part] | of_run["settings"]
            assert shown == look_into.say_settings(resolve_run(params, part, run)), run


@pytest.mark.parametrize("epochs", [1, 2, 99, 100, 101, 120, 1000])
def test_a_curve_keeps_its_first_and_its_last_epoch(epochs: int) -> None:
    curve = pd.DataFrame({"epoch": range(1, epochs + 1)})
    curve["train_accuracy"] = curve["test_accuracy"] = curve.epoch / 10_000
    thin = look_into.thin_curve(curve)
    shown = [min(1 + n * thin["every"], thin["last"]) for n in range(len(thin["train"]))]
    assert thin["train"] == thin["test"] == shown, "each value is at its epoch"
    assert shown[0] == 1 and shown[-1] == thin["last"] == epochs and len(shown) <= 101


def test_a_class_without_test_samples_has_no_shares() -> None:
    assert look_into.row_shares(np.array([[0.5, 0.5], [0.0, 0.0]])) == [{"0": 500, "1": 500}, {}]


def open_sprite(cells: dict[str, Any]) -> list[np.ndarray]:
    """The samples in a sprite, in their order."""
    data = base64.b64decode(cells["sprite"].removeprefix("data:image/webp;base64,"))
    picture, side, columns = np.asarray(Image.open(BytesIO(data))), cells["side"], cells["columns"]
    places = [divmod(n, columns) for n in range(len(cells["chosen"]))]
    return [picture[side * y : side * (y + 1), side * x : side * (x + 1)] for y, x in places]


def test_cells_have_their_counts_and_their_own_samples(look: dict[str, Any], here: Path) -> None:
    images = load_digits()["test"].images
    samples = pd.read_csv("plots/mlp/predictions/test.csv", dtype=str)
    cells = look["cells"]["mlp"]
    assert np.sum(cells["counts"]) == len(samples) == 40
    sprite = open_sprite(cells)
    assert len(sprite) == 40, "all, where there are so few"
    for (truth, predicted), sample in zip(cells["chosen"], sprite, strict=True):
        rows = samples[(samples.truth == str(truth)) & (samples.predicted == str(predicted))].index
        assert cells["counts"][truth][predicted] == len(rows)
        assert any((images[row] == sample[..., 0]).all() for row in rows), "the pixels are not changed"


def test_as_many_samples_of_each_cell_as_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.random.default_rng(0).integers(256, size=(60, 28, 28), dtype=np.uint8)
    samples = pd.DataFrame({"truth": ["a"] * 58 + ["b"] * 2, "predicted": ["a"] * 40 + ["b"] * 20})
    found = look_into.cells_of(samples, ["a", "b"], pixels)
    assert found["counts"] == [[40, 18], [0, 2]]
    assert [found["chosen"].count(pair) for pair in ([0, 0], [0, 1], [1, 0], [1, 1])] == [12, 12, 0, 2]
    monkeypatch.setattr(look_into, "SPRITE_BYTES", 10 * 28 * 28)
    found = look_into.cells_of(samples, ["a", "b"], pixels)
    assert [found["chosen"].count(pair) for pair in ([0, 0], [0, 1], [1, 1])] == [3, 3, 2]


def test_latents_are_those_of_the_run_at_every_epoch(look: dict[str, Any], here: Path) -> None:
    figure = look["epochs"]["F1_latents_16_2"]
    assert set(look["epochs"]) == {"F1_latents_16_2", "F1_latents_32_16_2"}
    assert figure["epochs"] == [10, 120] and figure["last"] == 120 and figure["all"] == 40
    points = np.frombuffer(base64.b64decode(figure["points"]), np.uint8).reshape(2, 40, 2) / 255
    recorded = look_into.load_latents(Path("models/mlp/latents_16_2"))
    assert recorded is not None
    low, high = recorded.activations[0].min(axis=(0, 1)), recorded.activations[0].max(axis=(0, 1))
    np.testing.assert_allclose(low + points * (high - low), recorded.activations[0], atol=0.003)
    assert list(base64.b64decode(figure["digits"])) == [*range(10)] * 4


@pytest.mark.parametrize("question", look_into.QUESTIONS, ids=lambda question: question.run)
def test_the_command_of_a_question_works(question: look_into.Question, here: Path, tmp_path: Path) -> None:
    """On params.yaml as it is, and again where the run is there; it differs from the other in its setting."""
    file = tmp_path / "params.yaml"
    file.write_text((ROOT / "params.yaml").read_text())
    for _ in range(2):
        apply_overrides(str(file), [question.override])
    params = read_params(file)
    check_all(params)
    one, other = (resolve_run(params, question.part, run) for run in (question.like, question.run))
    assert [key for key in one if one[key] != other[key]] == [question.setting.split(":")[0]]


def test_questions_are_on_the_page_as_they_are_typed(context: dict[str, Any]) -> None:
    text = html.unescape(page.render_page(context | {"photographs": {}}, {}))
    assert len(look_into.QUESTIONS) == 5
    for question in look_into.QUESTIONS:
        assert f"dvc exp run -S '{question.override}'" in text


@pytest.fixture(scope="module")
def seen(workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a reader finds who compares runs, opens cells and moves the slider."""
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(workspace)
        params, claims = read_params(), read_claims()
        context = page.make_context(
            params, claims, results.read_results(params, claims), load_digits()["test"]
        )
    text = page.render_page(context | {"photographs": {}}, {})
    (folder / "page.html").write_text(text.replace("</body>", f"{LOOK}</body>"))
    (folder / "frame.html").write_text(FRAME.format(width=390))
    document, log = browse(folder, folder / "frame.html")
    found = re.search(r"<pre>(.*?)</pre>", document, re.DOTALL)
    assert found and "CONSOLE" not in log, log
    read: dict[str, Any] = json.loads(html.unescape(found[1]))
    return read


def test_two_runs_are_compared(seen: dict[str, Any], here: Path) -> None:
    assert seen["hidden"] == 0
    assert seen["first"]["heads"] == ["setting", "h512_256", "scaled"]
    assert seen["first"]["settings"] == [["initial weights", "normal", "scaled"]]
    assert seen["mlp"]["settings"] == [["schedule", "constant", "cycle"]]
    assert seen["same"] == [["none: both runs have the same settings", "", ""]]
    assert ["stride", "2", "1"] in seen["cnn"]["settings"] and ["folds", "0", "5"] in seen["cnn"]["settings"]
    cases = (
        ("mlp", ("step_momentum", "step_cycle"), DIGITS),
        ("cnn", ("stride_2", "cv_weighted"), MASK_CLASSES),
    )
    for part, runs, classes in cases:
        found, table = seen[part], pd.read_csv(f"plots/{part}/runs.csv", index_col="run")
        means, spreads = (table[name][list(runs)] for name in ("test_accuracy", "test_accuracy_std"))
        expected = [f"{mean:.4f} ± {std:.4f}" for mean, std in zip(means, spreads, strict=True)]
        difference = f"{means.iloc[1] - means.iloc[0]:+.4f}".replace("-", "−")
        assert ["test accuracy", *expected, difference] in found["scores"]
        assert found["lines"] == 4 and found["heads"][1:] == list(runs)
        for run, shown in zip(runs, found["confusions"], strict=True):
            for row, shares in zip(shown, mean_shares(part, run, list(classes)), strict=True):
                expected = ["0" if s == 0 else f"{100 * s:.0f}" for s in shares]
                assert all(abs(int(a) - int(b)) <= 1 for a, b in zip(row, expected, strict=True))
    curves = pd.read_csv("plots/mlp/curves/T16.csv")
    last = curves[curves.run == "step_cycle"].iloc[-1]
    assert f"step_cycle, epoch 3: training {last.train_accuracy:.3f}" in seen["mlp"]["ends"]


@pytest.mark.parametrize(("part", "classes"), [("mlp", DIGITS), ("cnn", list(MASK_CLASSES))])
def test_a_cell_shows_its_samples(
    seen: dict[str, Any], look: dict[str, Any], here: Path, part: str, classes: list[str]
) -> None:
    found, cells = seen[f"cells_{part}"], look["cells"][part]
    pairs = [(t, p, n) for t, row in enumerate(cells["counts"]) for p, n in enumerate(row) if n]
    assert found["labels"] == [f"truth {classes[t]}, taken for {classes[p]}: {n}" for t, p, n in pairs]
    most = max(n for t, p, n in pairs if t != p)
    assert found["opened"]["pressed"].endswith(f": {most}"), "the most frequent error is open at first"
    truth, predicted, count = pairs[1]
    clicked = found["clicked"]
    assert clicked["pressed"] == found["labels"][1] and clicked["stops"] == 1 and found["moved"]
    said = "recognised" if truth == predicted else f"taken for {classes[predicted]}"
    assert (
        clicked["said"].startswith(f"{count} test sample")
        and f"of {classes[truth]} {said}" in clicked["said"]
    )
    sprite = [
        s for s, pair in zip(open_sprite(cells), cells["chosen"], strict=True) if pair == [truth, predicted]
    ]
    assert len(clicked["lines"]) == len(clicked["pixels"]) == count == len(sprite)
    for pixels, sample in zip(clicked["pixels"], sprite, strict=True):
        np.testing.assert_array_equal(np.reshape(pixels, (*sample.shape[:2], 4))[..., :3], sample)
    for lines in clicked["lines"]:
        assert len(lines) == 2 and all(re.fullmatch(r"[✓✗] \w+ \d+ %, \w+", line) for line in lines)


def test_the_slider_changes_the_epoch(seen: dict[str, Any], look: dict[str, Any]) -> None:
    (first, *before), (last, *after) = seen["epochs"]
    assert first == before[0] == "after 10 of 120 epochs" and last == after[0] == "after 120 of 120 epochs"
    figure = look["epochs"]["F1_latents_16_2"]
    points = np.frombuffer(base64.b64decode(figure["points"]), np.uint8).reshape(2, 40, 2)
    x, y = points[1, 3].astype(float) * 380 / 255
    assert after[1 + 3].startswith("M") and before[1 + 3] != after[1 + 3]
    place = [float(each) for each in after[1 + 3].removeprefix("M").split("h0")[0].split()]
    assert place == pytest.approx([10 + x, 390 - y])
    assert [d.count("M") for d in after[1:]] == [4] * 10
