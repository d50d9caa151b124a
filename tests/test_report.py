"""The figures and the page of the report: pixels, sentences and a browser."""

import html
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from html.parser import HTMLParser
from io import BytesIO
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from PIL import Image, ImageColor
from ruamel.yaml import YAML
from sklearn.metrics import confusion_matrix

from pipeline.common.settings import InputError
from pipeline.evaluation import scores
from pipeline.report import changes, page, results, tables
from pipeline.report.figures import confusions, galleries, latents, look, photographs, shares
from pipeline.report.figures.photographs import Face
from stages import evaluate_cnn, evaluate_mlp, write_report

pytestmark = pytest.mark.xdist_group("report")  # one worker makes the report

EVIL = 'images/<script>alert("1")</script>&\'.png'
EPOCHS = 3
LATENTS = [
    ("F1", "latents_16_2"),
    ("F1", "latents_32_16_2"),
    ("F2", "latents_20_15"),
    ("F3", "latents_20_15"),
]
SAMPLES = {"mlp": {"train": 60, "test": 40}, "cnn": {"train": 24, "test": 11}}


def random_run(rng, part, settings):
    """A run of two replicates as training leaves it, with errors at random."""
    curves = pd.DataFrame(
        {"replicate": np.repeat([0, 1], EPOCHS), "epoch": [*range(1, EPOCHS + 1)] * 2, "kept": 1}
    )
    for score in ("train_loss", "train_accuracy", "test_loss", "test_accuracy"):
        curves[score] = rng.uniform(0.1, 0.9, 2 * EPOCHS)
    classes = 10 if part == "mlp" else 3
    predictions = {split: rng.integers(classes, size=(2, n)) for split, n in SAMPLES[part].items()}
    return scores.Run({**settings["defaults"], **settings["run"]}, curves, predictions)


def write_scores(folder, rng, params, part, truth):
    """metrics/<part>.json and plots/<part>/, by the code that writes them in the pipeline."""
    section, stage = params[part], {"mlp": evaluate_mlp, "cnn": evaluate_cnn}[part]
    runs = {
        name: random_run(rng, part, {"defaults": section["defaults"], "run": run})
        for name, run in section["runs"].items()
    }
    score = evaluate_mlp.score if part == "mlp" else scores.scores_of_replicates
    by_class = {name: scores.class_accuracies(run, truth, stage.CLASSES) for name, run in runs.items()}
    metrics = {
        name: scores.mean_and_std(pd.concat([score(run), by_class[name]], axis="columns"))
        for name, run in runs.items()
    }
    plots = folder / "plots" / part
    plots.mkdir(parents=True)
    scores.write_tables(plots / "tables", section["tables"], runs, metrics)
    scores.write_curves(plots / "curves", section["tables"], runs)
    scores.write_samples(plots, metrics, runs["final"], truth, stage.CLASSES)
    (folder / "metrics").mkdir(exist_ok=True)
    (folder / f"metrics/{part}.json").write_text(json.dumps(metrics))


def write_digits(folder, rng, params):
    """data/digits.npz, the scores of part 1, and the latents of F1 to F3."""
    labels = {split: np.arange(n) % 10 for split, n in SAMPLES["mlp"].items()}
    write_scores(folder, rng, params, "mlp", labels)
    images = rng.integers(256, size=(SAMPLES["mlp"]["test"], 28, 28), dtype=np.uint8)
    np.savez(folder / "data/digits.npz", test_images=images, test_labels=labels["test"].astype(np.uint8))
    (folder / "plots/latents").mkdir()
    separation = []
    for figure, run in LATENTS:
        activations = rng.random((2, 2, len(images), 2))
        points = pd.DataFrame(activations[0].reshape(-1, 2), columns=["x", "y"])
        points.assign(epoch=np.repeat([10, 20], len(images)), digit=np.tile(labels["test"], 2)).to_csv(
            folder / f"plots/latents/{figure}_{run}.csv", index=False
        )
        separation += [(figure, run, 0, epoch, 0.5, -0.1) for epoch in (10, 20)]
        (folder / f"models/mlp/{run}").mkdir(parents=True, exist_ok=True)
        np.savez(folder / f"models/mlp/{run}/latents.npz", epoch=[10, 20], activations=activations)
    columns = ["figure", "run", "replicate", "epoch", "knn_accuracy", "silhouette"]
    pd.DataFrame(separation, columns=columns).to_csv(folder / "plots/latents/separation.csv", index=False)


def write_masks(folder, rng, params):
    """Photographs and their boxes, crops, the scores of part 2, and the snapshot of F7."""
    rows = []
    for split, n in SAMPLES["cnn"].items():
        for index in range(n):
            label = results.CLASSES[index % 3]
            rows.append((split, EVIL, label, 5, 5, 5 + 4 * index, 40, 0, 0, f"{split}/{label}/{index}.png"))
    columns = [
        "split",
        "photograph",
        "label",
        "left",
        "top",
        "right",
        "bottom",
        "clipped",
        "exif_rotated",
        "crop",
    ]
    boxes = pd.DataFrame(rows, columns=columns).assign(right=lambda table: table.right + 5)
    boxes.to_csv(folder / "data/boxes.csv", index=False)
    for name in boxes.crop:
        path = folder / "data/crops" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 30), tuple(rng.integers(256, size=3).tolist())).save(path)
    photograph = BytesIO()
    Image.new("RGB", (200, 100), "teal").save(photograph, "PNG")
    with zipfile.ZipFile(folder / "data/raw/masks/masks.zip", "w") as archive:
        archive.writestr(EVIL, photograph.getvalue())
    truth = {split: np.arange(n) % 3 for split, n in SAMPLES["cnn"].items()}
    write_scores(folder, rng, params, "cnn", truth)
    (folder / "models/cnn/final").mkdir(parents=True)
    (folder / "models/cnn/final/settings.json").write_text('{"snapshot_epoch": 2}')
    np.savez(folder / "models/cnn/final/predictions.npz", snapshot_test=truth["test"][None])


def write_claims(folder):
    """A verdict of each kind."""
    columns = ["id", "where", "kind", "sentence", "report", "ours", "tolerance", "probability", "verdict"]
    columns.append("evidence")
    rows = [
        ("T1.h64_32.test_accuracy", "T1", "value", "", 0.9018, 0.9, 0.025, None, "passed", ""),
        ("T9.adam.test_accuracy_none", "T9", "value", "", 0.27, 0.9, 0.1, None, "failed", ""),
        ("T3.rate_0_01.reported_loss", "T3", "value", "", 0.00194, 0.9, None, None, "not_comparable", ""),
        ("F4.test.3.2", "F4", "value", "", 0.0177, 0.02, 0.01, None, "passed", ""),
        ("C1", "T1", "ordering", "Two <b>layers</b>", None, 0.02, 0, 0.97, "passed", "a 0.9 > b 0.8; c"),
        ("C11", "F2 and F3", "ordering", "Separation", None, 0.02, 0, 0.4, "failed", "a 0.9 > b 0.8"),
        ("C13", "F4", "contradicted", "120 errors", 120, 669, None, None, "contradicted", "sum 669"),
    ]
    (folder / "plots/claims").mkdir()
    pd.DataFrame(rows, columns=columns).to_csv(folder / "plots/claims/claims.csv", index=False)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A project in which every stage before has run, on numbers drawn at random."""
    folder, rng = tmp_path_factory.mktemp("report"), np.random.default_rng(0)
    for name in ("params.yaml", "claims.yaml"):
        shutil.copy(ROOT / name, folder)
    params = YAML(typ="safe", pure=True).load(ROOT / "params.yaml")
    for part in ("digits", "masks"):
        (folder / "data/raw" / part).mkdir(parents=True)
        source = {
            "source": "synthetic",
            "title": "drawn",
            "address": None,
            "licence": "none",
            "sha256": "0" * 64,
        }
        (folder / "data/raw" / part / "source.json").write_text(json.dumps(source))
    write_digits(folder, rng, params)
    write_masks(folder, rng, params)
    write_claims(folder)
    return folder


@pytest.fixture
def here(workspace, monkeypatch):
    monkeypatch.chdir(workspace)
    return workspace


@pytest.fixture(scope="module")
def report(workspace):
    """The report/ of the workspace."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(workspace)
        write_report.main()
    return workspace / "report"


@pytest.fixture
def read(here):
    params = write_report.read_params()
    return params, results.read_results(here, params)


def words(params, read_results, **more):
    """The text of the page, without pictures."""
    context = write_report.make_context(params, read_results)
    names = re.findall(r'figure\("(\w+)"', (page.TEMPLATES / "page.html").read_text())
    names += [f"{table}_curves" for table in read_results.curves]
    pictures = dict.fromkeys(names, look.Picture({"svg": b""}, 1, 1))
    text = page.render_page({**context, "photographs": {}, "snapshot_epoch": 2, **more}, pictures)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())


def test_one_worker_makes_the_report(request, worker_id):
    """Else each would: pytest-xdist may ignore a group without a word, as it does with pytest 9.2."""
    assert worker_id == "master" or request.node.nodeid.endswith("@report")


# Figure F7


def drawn_in(picture, colour):
    return (np.asarray(picture) == ImageColor.getrgb(colour)).all(axis=2)


@pytest.mark.parametrize(
    "area", [(40, 60, 120, 130), (0, 0, 90, 80), (150, 0, 300, 70), (0, 100, 60, 200), (200, 150, 300, 200)]
)
def test_a_box_is_drawn_on_the_edge_of_its_area(area):
    face = Face(area, "none", "good")
    blank = Image.new("RGB", (300, 200), "white")
    found = drawn_in(photographs.draw_faces(blank, [face]), look.CLASS_COLOURS["good"])
    left, top, right, bottom = area
    expected = np.zeros((200, 300), dtype=bool)
    expected[top:bottom, left:right] = True
    line = photographs.LINE
    expected[top + line : bottom - line, left + line : right - line] = False
    x, y, end, lower = photographs.place_label(face, blank.size, [area])
    found[y:lower, x:end] = expected[y:lower, x:end] = False
    np.testing.assert_array_equal(found, expected)


def test_a_box_lies_around_its_face_whatever_the_size_of_the_photograph():
    for size in [(40, 30), (999, 743), (5000, 3100)]:
        width, height = size
        area = (width // 4, height // 3, width // 2, 2 * height // 3)
        photograph = Image.new("RGB", size, "white")
        photograph.paste("black", area)
        shown = photographs.show_photograph(photograph, [Face(area, "bad", "good")])
        assert max(shown.size) == photographs.LONG_SIDE
        rows, columns = np.nonzero(drawn_in(shown, look.CLASS_COLOURS["good"]))
        scale = shown.width / width
        assert columns.min() == pytest.approx(area[0] * scale, abs=1)
        assert rows.max() + 1 == pytest.approx(area[3] * scale, abs=1)


@pytest.mark.parametrize("size", [(3, 2), (40, 30), (30, 400), (1000, 750), (1000, 12)])
def test_a_label_is_whole_within_the_picture(size):
    width, height = size
    areas = [(x, y, x + 1, y + 1) for x in (0, width // 2, width - 1) for y in (0, height // 2, height - 1)]
    for area in [*areas, (0, 0, width, height)]:
        left, top, right, bottom = photographs.place_label(Face(area, "none", "good"), size, areas)
        assert 0 <= left < right and 0 <= top < bottom
        if min(size) > 10:
            assert right <= width and bottom <= height


def test_labels_say_truth_and_prediction_and_keep_apart():
    faces = [Face((100 + 30 * i, 100, 125 + 30 * i, 130), "good", "none") for i in range(3)]
    taken = [face.area for face in faces]
    for face in faces:
        taken.append(photographs.place_label(face, (400, 300), taken))
    labels = taken[3:]
    assert all(photographs.overlap(one, other) == 0 for one in labels for other in taken if one is not other)
    assert photographs.caption(faces[0]) == "good → none"


def test_a_label_can_be_read():
    """Text of 4.5 to 1 in contrast (WCAG 2.1, AA)."""

    def luminance(colour):
        channels = [c / 255 for c in ImageColor.getrgb(colour)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for name, colour in look.CLASS_COLOURS.items():
        low, high = sorted([luminance(colour), luminance(photographs.LABEL_INK[name])])
        assert (high + 0.05) / (low + 0.05) > 4.5


def test_photographs_that_show_most_come_first():
    rows = [("plain", "good", "good")] * 3 + [("crowd", t, p) for t in "abc" for p in "abc"] * 2
    rows += [("rich", "good", "good"), ("rich", "none", "good")]
    crops = pd.DataFrame(rows, columns=["photograph", "truth", "predicted"])
    assert write_report.choose_photographs(crops) == ["rich", "plain", "crowd"]


# What figures and tables count


def test_confusions_are_counted_as_scikit_learn_does():
    rng = np.random.default_rng(0)
    samples = pd.DataFrame(
        {"truth": rng.choice(["a", "b", "c"], 50), "predicted": rng.choice(["a", "b"], 50)}
    )
    counts = confusions.count_confusions(samples)
    np.testing.assert_array_equal(counts, confusion_matrix(samples.truth, samples.predicted))
    truth, predicted = confusions.most_confused(counts)
    assert truth != predicted
    assert counts.loc[truth, predicted] == max(counts.loc[a, b] for a in "abc" for b in "abc" if a != b)


@pytest.mark.parametrize("same", [True, False])
def test_epochs_are_on_the_same_axes_where_they_can_be_compared(same):
    points = pd.DataFrame({"epoch": [10, 10, 110, 110], "x": [0, 1, 4, 9], "y": [0, 1, 5, 7], "digit": 3})
    separation = pd.DataFrame({"epoch": [10, 110], "knn_accuracy": 0.5, "silhouette": 0.1})
    left, right = latents.draw_latents(points, separation, same).axes
    assert (left.get_xlim() == right.get_xlim()) == (left.get_ylim() == right.get_ylim()) == same


def test_a_gallery_and_an_interval_of_nothing():
    assert look.render(galleries.draw_gallery, [], [], []).files["png"]
    assert shares.interval(float("nan"), 0) == (0, 1)


def test_errors_by_crop_size():
    boxes = pd.DataFrame({"left": 0, "top": 0, "right": [10, 10, 20, 200], "bottom": [10, 12, 20, 150]})
    table = shares.errors_by_size(boxes, np.array([True, False, True, False]))
    assert table.index.tolist() == ["0 to 16", "16 to 24", "128 +"]
    assert table.crops.tolist() == [2, 1, 1] and table.error.tolist() == [0.5, 1, 0]


def test_a_run_in_several_tables_is_compared_with_the_report_wherever_it_stands():
    claims = pd.DataFrame(
        index=["T1.h64_32.test_accuracy", "T2.h64_32.test_accuracy", "T13.final.test_accuracy"]
    )
    assert tables.find_claim(claims, "T2", "h64_32", "test_accuracy") == "T2.h64_32.test_accuracy"
    assert tables.find_claim(claims, "T5", "h64_32", "test_accuracy") == "T1.h64_32.test_accuracy"
    assert tables.find_claim(claims, "T7", "final", "test_accuracy") is None  # T13 is about the other part
    assert tables.find_claim(claims, "T14", "final", "test_accuracy") == "T13.final.test_accuracy"


# The page


def test_numbers_in_sentences_come_from_the_metrics(read):
    params, found = read
    before = words(params, found)
    found.metrics["mlp"]["scaled"]["test_accuracy"] = 0.98765
    found.metrics["mlp"]["h512_256"]["test_accuracy"] = 0.8764
    after = words(params, found)
    sentence = "reaches 98.8 % on the test set instead of 87.6 %: +11.1 points"
    assert sentence in after and sentence not in before
    assert "Its test accuracy is low because of N(0, 1) initial weights" in after
    found.metrics["mlp"]["scaled"]["test_accuracy"] = 0.5
    assert "Its test accuracy is not explained by N(0, 1) initial weights" in words(params, found)


def test_sentences_turn_with_the_results(read):
    params, found = read
    table = found.tables["T2"]
    table["train_loss"], table["test_accuracy"] = [0.1, 0.2, 0.3, 0.4, 0.5], [0.5, 0.6, 0.7, 0.8, 0.9]
    assert "chooses the worst generaliser" in words(params, found)
    table["test_accuracy"] = [0.9, 0.8, 0.7, 0.6, 0.5]
    assert "chooses the best generaliser" in words(params, found)
    rows = found.class_accuracy
    rows.loc[(rows.run == "final") & (rows.split == "test"), "accuracy"] = [0.75, 1.0, 1 / 3]
    text = words(params, found)
    assert (
        "finds class none (mask worn wrongly) least often: 33.3 % of its test crops, on average 1 of 3"
        in text
    )


def test_a_setting_that_changes_is_named_as_it_is(read):
    params, found = read
    found.settings["cnn"]["stride_2"]["stride"] = 3
    assert "stride 1 instead of 3" in words(params, found)


def test_synthetic_data_are_named_at_the_top(read):
    params, found = read
    assert "Synthetic data. This page is made from numerals and photographs drawn by" in words(params, found)
    found.sources["digits"]["source"] = found.sources["masks"]["source"] = "own"
    assert "Synthetic" not in words(params, found)


def test_every_judged_cell_has_its_mark(report):
    text = (report / "index.html").read_text()
    assert 'title="passed, tolerance 0.025">✓' in text.replace(' aria-label="passed, tolerance 0.025"', "")
    assert 'title="failed, tolerance 0.1"' in text and 'title="not comparable, no tolerance stated"' in text
    assert "the report's, 27 %" in html.unescape(text)


def test_what_comes_from_data_is_escaped(report):
    class Tags(HTMLParser):
        found, captions = set(), []

        def handle_starttag(self, tag, attributes):
            self.found.add(tag)
            self.captions += [value for key, value in attributes if key == "alt"]

    parser = Tags()
    parser.feed((report / "index.html").read_text())
    assert "script" not in parser.found and EVIL in parser.captions
    assert "Two &lt;b&gt;layers&lt;/b&gt;" in (report / "index.html").read_text()


def test_the_report_is_the_same_bytes_twice(report, here, tmp_path):
    first = shutil.copytree(report, tmp_path / "first")
    subprocess.run(
        [sys.executable, "-m", "stages.write_report"], env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True
    )
    names = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert names == sorted(path.relative_to(report) for path in report.rglob("*") if path.is_file())
    for name in names:
        assert (first / name).read_bytes() == (report / name).read_bytes(), name


def test_nothing_of_this_machine_is_on_the_page(report, workspace):
    text = (report / "index.html").read_text()
    assert str(workspace) not in text and str(ROOT) not in text


def test_every_figure_is_there_as_png_and_as_svg(report):
    files = {path.name for path in (report / "figures").iterdir()}
    for stem in {name.split(".")[0] for name in files}:
        assert f"{stem}.png" in files
        assert f"{stem}.svg" in files or stem.startswith("F7_")


def test_a_run_that_the_page_compares_must_be_there(here):
    params = write_report.read_params()
    del params["mlp"]["runs"]["scaled"]
    with pytest.raises(InputError, match="no mlp.runs.scaled, which the report's page compares"):
        results.read_results(here, params)


def test_every_run_has_its_curves(read):
    params, found = read
    drawn = {run for curves in found.curves.values() for run in curves.run}
    assert drawn == {*params["mlp"]["runs"], *params["cnn"]["runs"]}
    assert set(found.curves) - set(write_report.TITLES) == {"others_mlp", "others_cnn"}
    text = words(params, found)
    assert text.count("Learning curves of the runs that are in no table") == 2
    del found.curves["others_mlp"]
    assert words(params, found).count("Learning curves of the runs that are in no table") == 1


def test_the_probability_that_a_claim_needs_is_that_of_claims_yaml(read, here):
    sentence = "holds with a probability of at least {}, which"
    assert sentence.format(0.9) in words(*read)
    text = (ROOT / "claims.yaml").read_text()
    (here / "claims.yaml").write_text(text.replace("probability: 0.9", "probability: 0.8"))
    assert sentence.format(0.8) in words(*read)
    (here / "claims.yaml").write_text(text)


def test_pictures_are_small_on_the_page_and_look_the_same():
    drawn = np.asarray(Image.linear_gradient("L").resize((400, 400)).convert("RGB"))
    png = BytesIO()
    Image.fromarray(drawn).save(png, "PNG")
    with Image.open(BytesIO(page.to_webp(png.getvalue()))) as shown:
        assert np.abs(np.asarray(shown, dtype=int) - drawn).mean() < 2
    large = look.Picture({"png": png.getvalue(), "svg": b" " * (page.SVG_LIMIT + 1)}, 400, 400)
    assert page.data_uri(large).startswith("data:image/webp;base64,")


def test_an_inline_svg_keeps_its_scale_and_takes_the_reader_s_colours():
    svg = (
        f'<style type="text/css">*{{}}</style><path d="M 123.456789 4.5 \nL 61.234567 9" fill="{look.INK}"/>'
    )
    svg += '<g transform="scale(0.015625)"/>'
    shown = page.adapt_svg(svg)
    assert 'd="M 123.45 4.5  L 61.23 9" fill="currentColor"' in shown and "scale(0.015625)" in shown
    assert "prefers-color-scheme:dark" in shown
    address = page.data_uri(look.Picture({"svg": svg.encode()}, 1, 1))
    assert unquote(address) == f"data:image/svg+xml,{shown}"
    assert not set('"<>#&') & set(address)


def test_changes_are_ordered_by_what_they_gain(read):
    gains = [change.gain for change in changes.list_changes(read[1].metrics, read[1].settings)]
    assert gains == sorted(gains, reverse=True)


# In a browser

CHECK = """<script>
addEventListener("load", () => {
  const all = selector => [...document.querySelectorAll(selector)];
  const addresses = all("[src], [href]").map(e => e.getAttribute("src") ?? e.getAttribute("href"));
  const ids = all("[id]").map(e => e.id);
  parent.postMessage({
    width: document.documentElement.scrollWidth,
    room: innerWidth,
    pictures: document.images.length,
    missing: [...document.images].filter(i => !i.naturalWidth).map(i => i.alt),
    links: all("a").length,
    broken: all("a").map(a => a.getAttribute("href")).filter(h => !document.getElementById(h.slice(1))),
    outside: addresses.filter(address => !/^(#|data:)/.test(address)),
    wide: all(".scroll:has(table)").filter(e => e.scrollWidth > e.clientWidth).map(e => e.ariaLabel),
    repeated: ids.filter((id, index) => ids.indexOf(id) !== index),
  }, "*");
});
</script>"""
FRAME = """<iframe src="page.html" width="{width}" height="800" style="border: 0"></iframe><script>
onmessage = event => document.body.append(
  Object.assign(document.createElement("pre"), {{textContent: JSON.stringify(event.data)}}));
</script>"""
OFFLINE = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def browse(folder, file):
    """The document of a page once its scripts have run, and what the browser had to say."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if not browser:
        pytest.fail("the page is tested in chromium; install it with: apt-get install chromium")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", *OFFLINE]
    flags += [f"--user-data-dir={folder / 'profile'}", "--host-resolver-rules=MAP * ~NOTFOUND"]
    flags += ["--enable-logging=stderr", "--virtual-time-budget=10000", "--dump-dom"]
    finished = subprocess.run([browser, *flags, file.as_uri()], capture_output=True, text=True, timeout=120)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout, finished.stderr


@pytest.mark.parametrize("width", [390, 1280])
def test_in_a_browser_without_a_network(report, tmp_path, width):
    text = (report / "index.html").read_text()
    (tmp_path / "page.html").write_text(text.replace("</body>", f"{CHECK}</body>"))
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.format(width=width))
    document, log = browse(tmp_path, frame)
    found = re.search(r"<pre>(.*?)</pre>", document, re.DOTALL)
    assert found, f"the page never loaded: {log}"
    seen = json.loads(html.unescape(found.group(1)))
    assert "CONSOLE" not in log, log
    assert seen["room"] == width and seen["width"] <= width
    assert seen["pictures"] >= 30 and not seen["missing"]
    assert seen["links"] > 20 and not seen["broken"]
    assert not seen["outside"] and not seen["repeated"] and not seen["wide"]


def test_the_browser_test_sees_what_is_wrong(tmp_path):
    wrong = '<body><a href="#no">x</a><img alt="gone" src="gone.png"><hr style="width: 900px">'
    wrong += '<div class="scroll" style="width: 9px" aria-label="T"><table><td>Long</td></table></div></body>'
    wrong += "<script>nonsense()</script>"
    (tmp_path / "page.html").write_text(wrong.replace("</body>", f"{CHECK}</body>"))
    (tmp_path / "frame.html").write_text(FRAME.format(width=390))
    document, log = browse(tmp_path, tmp_path / "frame.html")
    seen = json.loads(html.unescape(re.search(r"<pre>(.*?)</pre>", document, re.DOTALL).group(1)))
    assert seen["broken"] == ["#no"] and seen["missing"] == ["gone"] and seen["outside"] == ["gone.png"]
    assert seen["width"] > 390 and seen["wide"] == ["T"] and "CONSOLE" in log
