"""The networks of the page, run by a browser: they find what Python finds, and can be tried by hand."""

import base64
import html
import json
import re
import zipfile
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from pipeline.common.crops import load_crops
from pipeline.common.digits import load_digits
from pipeline.common.paths import CROP_ARRAYS, DIGITS
from pipeline.common.runs import LATENTS_FILE, SETTINGS_FILE, run_folder
from pipeline.common.storage import save_arrays, write_json
from stages.crop_masks.crops import resize
from stages.prepare_digits.sample import to_sample
from stages.train_cnn.cnn import build_described
from stages.write_report import try_it
from tests.conftest import ROOT, Workspace
from tests.making import photograph
from tests.write_report.test_report import FRAME, browse
from tools.networks import load_network

pytestmark = pytest.mark.xdist_group("report")
CLOSE = 0.005  # of probabilities: the page has its weights as float16

RUN = """<script>
addEventListener("load", () => {
  const given = JSON.parse(document.getElementById("given").textContent);
  const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
  const found = {
    numerals: TRIAL.numerals.map(network => given.digits.map(d => runMlp(network, bytes(d)).probabilities)),
    faces: TRIAL.faces.map(network => given.crops.map(c => runCnn(network, bytes(c)))),
    samples: given.drawings.map(d => [...toSample(bytes(d.data), d.width, d.height)]),
    cut: [...toCrop(bytes(given.photograph.data), given.photograph.width, given.photograph.height, 32)],
  };
  document.body.append(Object.assign(document.createElement("pre"),
    {id: "found", textContent: JSON.stringify(found)}));
});
</script>"""
# What a made-up pointer or key does on the page, and what the page then says.
HANDS = """<script>
const hand = canvas => {
  canvas.setPointerCapture = () => {};  // which a made-up pointer has none of
  return {
    send: (type, x, y, more) => {
      const frame = canvas.getBoundingClientRect();
      canvas.dispatchEvent(new PointerEvent(type, {bubbles: true, pointerId: 1, isPrimary: true,
        clientX: frame.left + x * frame.width, clientY: frame.top + y * frame.height, ...more}));
    },
    press: (key, more) =>
      canvas.dispatchEvent(new KeyboardEvent("keydown", {key, cancelable: true, ...more})),
  };
};
const rows = id => [...document.querySelectorAll(`#${id} tbody tr`)].map(row =>
  [...row.cells].slice(1).map(cell => parseFloat(cell.textContent)));
const text = id => document.getElementById(id).textContent;
// A picture is decoded in a thread of its own, for which the browser's virtual time does not wait.
const until = async found => {
  for (let turn = 0; turn < 1e5 && !found(); turn++) {
    await new Promise(resolve => {
      const {port1, port2} = new MessageChannel();
      port1.onmessage = resolve;
      port2.postMessage(0);
    });
  }
};
// The page classifies in a task of its own, which was queued before this one.
const classified = () => new Promise(resolve => setTimeout(resolve));
</script>"""
DRAW = """<script>
addEventListener("load", () => {
  const pad = document.getElementById("pad"), {send, press} = hand(pad);
  const seen = () => [...document.getElementById("seen").getContext("2d").getImageData(0, 0, 28, 28).data]
    .filter((_, i) => i % 4 === 0);
  const verdict = () => text("verdict");
  (async () => {
    await classified();
    const found = {blank: verdict()};
    for (const more of [{button: 2}, {button: 1}, {isPrimary: false}]) {
      send("pointerdown", .2, .2, more);
      send("pointermove", .8, .8, more);
      send("pointerup", .8, .8, more);
    }
    await classified();
    found.otherPointers = verdict();
    send("pointerdown", .3, .2);
    send("pointermove", .3, .8);
    send("pointermove", .9, .9, {isPrimary: false});  // a second finger
    send("pointermove", .6, .8);
    send("pointerup", .6, .8);
    send("pointermove", .9, .1);  // with the pen lifted
    await classified();
    Object.assign(found, {drawn: seen(), rows: rows("digits"), verdict: verdict()});
    document.documentElement.style.scrollBehavior = "auto";
    scrollBy(0, pad.getBoundingClientRect().bottom - innerHeight);  // so that the pad ends with the screen
    const said = document.getElementById("verdict").getBoundingClientRect();
    found.onScreen = [said.top >= 0, said.bottom <= innerHeight];
    const frame = pad.getBoundingClientRect();
    found.free = [1, frame.height / 2, frame.height - 1].map(y =>
      document.elementFromPoint(frame.left + frame.width / 2, frame.top + y) === pad);
    press("Escape");
    await classified();
    found.cleared = verdict();
    document.getElementById("undo").click();
    await classified();
    found.undone = seen();
    send("pointerdown", .9, .2);
    send("pointerup", .9, .2);
    press("z", {ctrlKey: true});
    await classified();
    found.undoneByKey = seen();
    press("Escape");
    press(" ");
    await classified();
    found.dot = seen();
    press("Escape");
    press("ArrowRight");  // with the pen lifted by Escape
    await classified();
    found.lifted = verdict();
    for (const key of [" ", ...Array(9).fill("ArrowRight"), " ", ...Array(9).fill("ArrowDown")]) press(key);
    await classified();
    found.keys = seen();
    document.querySelectorAll("#samples button")[4].click();
    await classified();
    Object.assign(found, {sample: seen(), sampleVerdict: verdict()});
    found.samples = [...document.querySelectorAll("#samples button")].map(each => each.textContent);
    Object.assign(TRIAL.plane, {low: [-5, -5], high: [7, 9], medians: []});
    Object.assign(drawPlane, {points: [-5, -5, 7, 9], digits: [0, 1]});
    drawPlane([1, 40]);
    const plane = document.getElementById("plane").getContext("2d").getImageData(0, 0, 280, 280).data;
    const marked = (x, y) => plane[4 * (280 * y + x) + 3] > 0;
    found.plane = [marked(12, 268), marked(268, 12), marked(140, 22), marked(140, 140)];
    parent.postMessage(found, "*");
  })();
});
</script>"""
CHOOSE = """<script>
addEventListener("load", async () => {
  const canvas = document.getElementById("photograph"), {send, press} = hand(canvas);
  const shown = () => ({rows: rows("face"), verdict: text("face-verdict"), hidden: canvas.hidden});
  const drop = async (content, name) => {
    const event = new Event("drop", {cancelable: true});
    event.dataTransfer = {files: [new File(content, name)]};
    document.getElementById("faces").dispatchEvent(event);
    await until(() => text("chosen"));
  };
  const picture = new OffscreenCanvas(90, 60);
  picture.getContext("2d").fillRect(0, 0, 60, 60);
  const file = await picture.convertToBlob(), found = {};
  await drop([file], "good.png");
  found.opened = shown();
  press("ArrowLeft");
  found.key = shown();
  send("pointerdown", .1, .1, {button: 2});
  send("pointermove", .9, .9, {button: 2});
  send("pointerup", .9, .9, {button: 2});
  found.right = rows("face");
  send("pointerdown", .1, .1);
  send("pointermove", .9, .9);
  send("pointerup", .9, .9);
  found.dragged = shown();
  await drop(["text"], "notes.txt");
  Object.assign(found, {bad: shown(), said: text("chosen")});
  document.getElementById("open-sample").click();
  await until(() => document.querySelector("#annotated button"));
  found.sample = {...shown(), size: [canvas.width, canvas.height]};
  const buttons = [...document.querySelectorAll("#annotated button")];
  found.annotated = buttons.map(each => each.textContent);
  buttons[0].click();
  found.chosen = shown();
  const box = new FaceBox();
  box.photograph = picture;
  const boxes = [];
  box.select = chosen => boxes.push(Object.values(box.box = chosen));
  const keys = (count, key, more) => {
    for (let i = 0; i < count; i++) box.press({key, shiftKey: false, preventDefault() {}, ...more});
    return boxes.at(-1);
  };
  found.boxes = [keys(1, "ArrowUp"), keys(1, "ArrowRight"), keys(99, "ArrowLeft"), keys(99, "ArrowDown"),
    keys(1, "ArrowRight", {shiftKey: true}), keys(99, "ArrowRight", {shiftKey: true}),
    keys(99, "ArrowLeft", {shiftKey: true})];
  document.body.append(Object.assign(document.createElement("pre"),
    {id: "seen", textContent: JSON.stringify(found)}));
});
</script>"""


def text_of(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def run_in_browser(page: str, folder: Path, given: dict[str, Any]) -> dict[str, Any]:
    """What RUN finds on the page for what it is given."""
    data = f'<script type="application/json" id="given">{json.dumps(given)}</script>'
    (folder / "page.html").write_text(page.replace("</body>", f"{data}{RUN}</body>"))
    document, log = browse(folder, folder / "page.html")
    found = re.search(r'<pre id="found">(.*?)</pre>', document, re.DOTALL)
    assert found and "CONSOLE" not in log, log
    result: dict[str, Any] = json.loads(html.unescape(found[1]))
    return result


def test_the_page_finds_what_python_finds(quick_run: Workspace, tmp_path: Path) -> None:
    folder = quick_run.folder
    digits = load_digits(folder / DIGITS)["test"].images[:100]
    crops = load_crops(folder / CROP_ARRAYS)
    faces = crops.resized[np.flatnonzero(crops.test)[:50]]
    rng = np.random.default_rng(0)
    sizes = (280, 280), (90, 40), (17, 23), (120, 160), (300, 200), (64, 64)
    papers = 255, 255, 255, 150, 96, 20  # white, grey and black ones; on the last the ink is lighter
    drawings = [Image.new("L", size, paper) for size, paper in zip(sizes, papers, strict=True)]
    drawings += [Image.new("L", (280, 280), 255), Image.new("L", (200, 100), 130)]
    drawings[-2].paste(0, (2, 3, 40, 90))  # in a corner
    drawings[-1].paste(20, (170, 10, 199, 60))
    drawings[5].paste(230, (40, 8, 60, 30))
    for drawing in drawings[:5]:
        for _ in range(4):
            left, top = (int(rng.integers(side // 2)) for side in drawing.size)
            drawing.paste(
                int(rng.integers(60)), (left, top, left + drawing.width // 3, top + drawing.height // 4)
            )
    picture = photograph(57, 91)
    given = {
        "digits": [text_of(each) for each in digits],
        "crops": [text_of(each) for each in faces],
        "drawings": [
            {"width": d.width, "height": d.height, "data": text_of(np.asarray(d))} for d in drawings
        ],
        "photograph": {"width": 57, "height": 91, "data": text_of(np.asarray(picture.convert("RGBA")))},
    }
    found = run_in_browser((folder / "report/index.html").read_text(), tmp_path, given)
    cases = ("mlp", ("final", "best_small"), digits), ("cnn", ("final", "weighted"), faces)
    for part, runs, samples in cases:
        for run, shares in zip(runs, found["numerals" if part == "mlp" else "faces"], strict=True):
            expected = load_network(folder / "models" / part / run).probabilities(samples)
            assert np.abs(np.array(shares) - expected).max() < CLOSE, run
            sure = np.sort(expected, axis=1)[:, -1] - np.sort(expected, axis=1)[:, -2] > 2 * CLOSE
            assert (np.argmax(shares, axis=1) == expected.argmax(axis=1))[sure].all()
    for sample, drawing in zip(found["samples"], drawings, strict=True):
        assert np.abs(np.array(sample) - to_sample(np.asarray(drawing)).ravel().astype(int)).max() <= 1
    assert np.abs(np.array(found["cut"]) - resize(picture, 32).ravel().astype(int)).max() <= 1


@pytest.mark.parametrize(
    ("part", "settings", "shown"),
    [
        ("mlp", {"split": "given"}, True),
        ("mlp", {"split": "sheets"}, False),
        ("cnn", {"folds": 0, "crops": "large"}, True),
        ("cnn", {"folds": 5, "crops": "resized"}, False),
        ("cnn", {"folds": 0, "crops": "own_size"}, False),
    ],
)
def test_a_network_that_the_page_cannot_test_is_left_out(
    monkeypatch: pytest.MonkeyPatch, part: str, settings: dict[str, Any], shown: bool
) -> None:
    monkeypatch.setattr(try_it, "network", lambda part, run: {})
    results: Any = SimpleNamespace(
        settings={part: {"final": settings}},
        replicates={part: {f"{part}.final.test_accuracy": np.array([0.9, 0.8])}},
    )
    found = try_it.networks(part, {"final": "", "missing": ""}, results)
    assert [each["accuracy"] for each in found] == [0.9] * shown, "of the replicate whose weights are there"


@pytest.mark.parametrize(("split", "shown"), [("given", True), ("sheets", False)])
def test_the_plane_shows_the_test_set_of_the_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, split: str, shown: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(try_it, "network", lambda part, run: {})
    (folder := run_folder("mlp", try_it.PLANE)).mkdir(parents=True)
    write_json(folder / SETTINGS_FILE, {"epochs": 9, "hidden": [2], "split": split})
    points = np.array([[-4, 7], [2, 9]], np.float32)
    save_arrays(folder / LATENTS_FILE, {"epoch": np.array([9]), "activations": points[None, None]})
    plane = try_it.plane(np.array([0, 1]), ["a", "b"])
    assert (plane and (plane["low"], plane["high"])) == (([-4, 7], [2, 9]) if shown else None)
    assert not plane or plane["medians"] == [["a", -4, 7], ["b", 2, 9]]


def test_batch_normalisation_is_merged_into_the_convolutions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    about = {"kind": "cnn", "side": 64, "classes": ["a", "b", "c"], "channels": [4, 6], "filter": 3}
    about |= {"stride": 1, "padding": 1, "head": [5], "batch_norm": True}
    torch.manual_seed(0)
    layers = build_described(about).state_dict()
    weights = {name: (torch.rand_like(layer.float()) + 0.1).numpy() for name, layer in layers.items()}
    (folder := run_folder("cnn", "final")).mkdir(parents=True)
    save_arrays(folder / "replicate_0.safetensors", weights, about)
    trial = json.dumps({"numerals": [], "faces": [try_it.network("cnn", "final")]})
    page = f'<body><script type="application/json" id="networks">{trial}</script>'
    page += f"<script>{(ROOT / 'stages/write_report/try.js').read_text()}</script></body>"
    crops = np.random.default_rng(0).integers(256, size=(5, 3, 64, 64), dtype=np.uint8)
    given = {"digits": [], "crops": [text_of(crop) for crop in crops], "drawings": []}
    given["photograph"] = {"width": 1, "height": 1, "data": text_of(np.zeros((1, 1, 4), np.uint8))}
    found = run_in_browser(page, tmp_path, given)["faces"][0]
    expected = load_network(folder).probabilities(crops)
    assert np.abs(np.array(found) - expected).max() < CLOSE


@pytest.mark.parametrize("width", [390, 1280])
def test_a_numeral_is_drawn_with_a_pointer_and_with_keys(
    quick_run: Workspace, tmp_path: Path, width: int
) -> None:
    page = (quick_run.folder / "report/index.html").read_text()
    (tmp_path / "page.html").write_text(page.replace("</body>", f"{HANDS}{DRAW}</body>"))
    (tmp_path / "frame.html").write_text(FRAME.format(width=width))
    document, log = browse(tmp_path, tmp_path / "frame.html")
    found = re.search(r"<pre>(.*?)</pre>", document, re.DOTALL)
    assert found and "CONSOLE" not in log, log
    seen = json.loads(html.unescape(found[1]))
    for state in ("blank", "otherPointers", "cleared", "lifted"):
        assert seen[state] == "Nothing is drawn yet.", state
    assert seen["undone"] == seen["undoneByKey"] == seen["drawn"]
    if width == 390:
        assert all(seen["onScreen"]) and all(seen["free"]), (
            "the verdict is seen, and covers no part of the pad"
        )
    assert max(seen["dot"]) == 255, "the space bar alone puts down the pen"
    assert seen["verdict"].startswith("Read as ")
    for shares in zip(*seen["rows"], strict=True):
        assert len(shares) == 10 and sum(shares) == pytest.approx(100, abs=1)
    ink = np.array(seen["drawn"]).reshape(28, 28) > 64
    rows, columns = np.nonzero(ink)
    assert np.ptp(rows) + 1 == 24 and rows.min() == 2  # centred, an L: its leg, and its foot
    assert ink[:, columns.min()].sum() > 18 and ink[rows.max()].sum() > 9
    assert not ink[2:12, columns.max()].any(), "nothing is drawn with the pen lifted"
    across = np.nonzero(np.array(seen["keys"]).reshape(28, 28) > 64)
    assert np.ptp(across[1]) > 2 * np.ptp(across[0]), "drawn to the right, and lifted before going down"
    digits = load_digits(quick_run.folder / DIGITS)["test"]
    first = digits.images[np.flatnonzero(digits.labels == 4)[0]]
    assert seen["sample"] == first.ravel().tolist()
    assert seen["sampleVerdict"].startswith("A 4 of the test set. Read as ")
    assert seen["samples"][:10] == list("0123456789")
    assert seen["plane"] == [True, True, True, False], "both corners, and the ring at the edge"


def test_a_face_is_judged_when_it_is_chosen(quick_run: Workspace, tmp_path: Path) -> None:
    page = (quick_run.folder / "report/index.html").read_text()
    (tmp_path / "page.html").write_text(page.replace("</body>", f"{HANDS}{CHOOSE}</body>"))
    document, log = browse(tmp_path, tmp_path / "page.html")
    found = re.search(r'<pre id="seen"[^>]*>(.*?)</pre>', document, re.DOTALL)
    assert found and "CONSOLE" not in log, log
    seen = json.loads(html.unescape(found[1]))
    assert seen["opened"] == {"rows": [], "verdict": "", "hidden": False}, "nothing is chosen"
    for state in ("key", "dragged", "chosen"):
        assert seen[state]["verdict"].startswith("Read as ") and len(seen[state]["rows"]) == 3, state
        for shares in zip(*seen[state]["rows"], strict=True):
            assert sum(shares) == pytest.approx(100, abs=0.2)
    assert seen["right"] == seen["key"]["rows"] != seen["dragged"]["rows"]
    assert seen["bad"] == {"rows": [], "verdict": "", "hidden": True}, "the result before is gone"
    assert seen["said"] == "notes.txt is no picture that this browser can open."
    assert seen["boxes"] == [
        [35, 20, 55, 40],  # a third of the shorter side, in the middle
        [37, 20, 57, 40],
        [0, 20, 20, 40],  # as far as the edge
        [0, 40, 20, 60],
        [0, 40, 22, 60],
        [0, 40, 90, 60],
        [0, 40, 4, 60],
    ]
    assert seen["sample"]["rows"] == [] and not seen["sample"]["hidden"]
    assert max(seen["sample"]["size"]) <= try_it.PHOTOGRAPH_SIDE
    assert 1 <= len(seen["annotated"]) <= try_it.FEW_FACES


def test_no_sample_is_shown_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    labels = np.tile(np.arange(10), 3)
    wrong = (labels + 1) % 10
    for run, predicted in (("final", wrong), ("best_small", labels)):
        run_folder("mlp", run).mkdir(parents=True)
        save_arrays(
            run_folder("mlp", run) / "predictions_0.safetensors", {"test": predicted.astype(np.uint8)}
        )
    # The first ten, which the second network alone has right too, are shown as the first of their classes.
    assert try_it.choose_samples(labels, ["final", "best_small"]) == list(range(20))


def test_the_sample_photograph_has_few_faces_of_many_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [("crowd", name, 9 * n, 0, 9 * n + 9, 900) for n, name in enumerate(["bad", "good", "none"] * 2)]
    rows += [
        ("plain", "good", 0, 0, 900, 600),
        ("small", "bad", 0, 0, 8, 8),
        ("small", "good", 0, 0, 900, 600),
    ]
    rows += [("large", "bad", 100, 50, 300, 150), ("large", "good", 0, 0, 900, 600)]
    columns = ["photograph", "truth", "left", "top", "right", "bottom"]
    crops = pd.DataFrame(rows, columns=columns).assign(exif_rotated=0)
    archive = tmp_path / "masks.zip"
    with zipfile.ZipFile(archive, "w") as files:
        content = BytesIO()
        photograph(960, 600).save(content, "PNG")
        files.writestr("large", content.getvalue())
    monkeypatch.setattr(try_it, "MASKS_ARCHIVE", archive)
    shown = try_it.sample_photograph(crops)
    assert shown["faces"] == [
        {"label": "bad", "box": (50, 25, 150, 75)},
        {"label": "good", "box": (0, 0, 450, 300)},
    ]
    with Image.open(BytesIO(base64.b64decode(shown["data"]))) as picture:
        assert picture.size == (480, 300) and picture.format == "WEBP"
