"""The figures of the report, pixel by pixel, and what figures and tables count."""

import base64
from html.parser import HTMLParser
from io import BytesIO
from itertools import pairwise
from types import SimpleNamespace
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from PIL import Image, ImageColor, ImageFont
from sklearn.metrics import confusion_matrix

from pipeline.common.classes import DIGIT_CLASSES
from pipeline.runtime.compute import Compute
from stages.write_report import tables
from stages.write_report.colours import (
    DARK_COLOURS,
    GREY,
    INK,
    MASK_COLOURS,
    OTHER_COLOURS,
    digit_colours,
    readable_on,
)
from stages.write_report.figures import (
    confusions,
    galleries,
    latents,
    photographs,
    plans,
    rendering,
    shares,
    steps,
    style,
)
from stages.write_report.figures.photographs import Face


def face(area, truth, predicted):
    return Face(area, f"{truth} → {predicted}", MASK_COLOURS[predicted])


def drawn_in(picture, colour):
    return (np.asarray(picture) == ImageColor.getrgb(colour)).all(axis=2)


@pytest.mark.parametrize(
    "area", [(40, 60, 120, 130), (0, 0, 90, 80), (150, 0, 300, 70), (0, 100, 60, 200), (200, 150, 300, 200)]
)
def test_a_box_is_drawn_on_the_edge_of_its_area(area):
    one = face(area, "none", "good")
    blank = Image.new("RGB", (300, 200), "white")
    found = drawn_in(photographs.draw_faces(blank, [one]), MASK_COLOURS["good"])
    left, top, right, bottom = area
    expected = np.zeros((200, 300), dtype=bool)
    expected[top:bottom, left:right] = True
    line = photographs.LINE_WIDTH
    expected[top + line : bottom - line, left + line : right - line] = False
    x, y, end, lower = photographs.place_label(one, blank.size, [area])
    found[y:lower, x:end] = expected[y:lower, x:end] = False
    np.testing.assert_array_equal(found, expected)


def test_a_box_lies_around_its_face_whatever_the_size_of_the_photograph():
    for size in [(40, 30), (999, 743), (5000, 3100)]:
        width, height = size
        area = (width // 4, height // 3, width // 2, 2 * height // 3)
        photograph = Image.new("RGB", size, "white")
        photograph.paste("black", area)
        shown = photographs.draw_photograph(photograph, [face(area, "bad", "good")])
        assert max(shown.size) == photographs.LONG_SIDE
        rows, columns = np.nonzero(drawn_in(shown, MASK_COLOURS["good"]))
        scale = shown.width / width
        assert columns.min() == pytest.approx(area[0] * scale, abs=1)
        assert rows.max() + 1 == pytest.approx(area[3] * scale, abs=1)


@pytest.mark.parametrize("size", [(3, 2), (40, 30), (30, 400), (1000, 750), (1000, 12)])
def test_a_label_is_whole_within_the_picture(size):
    width, height = size
    areas = [(x, y, x + 1, y + 1) for x in (0, width // 2, width - 1) for y in (0, height // 2, height - 1)]
    for area in [*areas, (0, 0, width, height)]:
        left, top, right, bottom = photographs.place_label(face(area, "none", "good"), size, areas)
        assert 0 <= left < right and 0 <= top < bottom
        if min(size) > 10:
            assert right <= width and bottom <= height


def test_labels_say_truth_and_prediction_and_keep_apart():
    faces = [face((100 + 30 * i, 100, 125 + 30 * i, 130), "good", "none") for i in range(3)]
    taken = [each.area for each in faces]
    for each in faces:
        taken.append(photographs.place_label(each, (400, 300), taken))
    labels = taken[3:]
    assert all(photographs.overlap(one, other) == 0 for one in labels for other in taken if one is not other)
    assert faces[0].caption == "good → none"


def test_a_label_can_be_read():
    """Text of 4.5 to 1 in contrast (WCAG 2.1, AA)."""

    def luminance(colour):
        channels = [c / 255 for c in ImageColor.getrgb(colour)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for colour in (*MASK_COLOURS.values(), *OTHER_COLOURS):
        low, high = sorted([luminance(colour), luminance(readable_on(colour))])
        assert (high + 0.05) / (low + 0.05) > 4.5


def test_photographs_that_show_most_come_first():
    rows = [("plain", "good", "good")] * 3 + [("crowd", t, p) for t in "abc" for p in "abc"] * 2
    rows += [("rich", "good", "good"), ("rich", "none", "good")]
    crops = pd.DataFrame(rows, columns=["photograph", "truth", "predicted"])
    assert plans.choose_photographs(crops) == ["rich", "plain", "crowd"]


def test_confusions_are_counted_as_scikit_learn_does():
    rng = np.random.default_rng(0)
    samples = pd.DataFrame(
        {"truth": rng.choice(["a", "b", "c"], 50), "predicted": rng.choice(["a", "b"], 50)}
    )
    counts = confusions.count_confusions(samples, ["a", "b", "c"])
    np.testing.assert_array_equal(counts, confusion_matrix(samples.truth, samples.predicted))
    truth, predicted = confusions.most_confused(counts)
    assert truth != predicted
    assert counts.loc[truth, predicted] == max(counts.loc[a, b] for a in "abc" for b in "abc" if a != b)


@pytest.mark.parametrize("same", [True, False])
def test_epochs_are_on_the_same_axes_where_they_can_be_compared(same):
    points = pd.DataFrame({"epoch": [10, 10, 110, 110], "x": [0, 1, 4, 9], "y": [0, 1, 5, 7], "digit": "3"})
    separation = pd.DataFrame({"epoch": [10, 110], "knn_accuracy": 0.5, "silhouette": 0.1})
    left, right = latents.draw_latents(points, separation, same, DIGIT_CLASSES).axes
    assert (left.get_xlim() == right.get_xlim()) == (left.get_ylim() == right.get_ylim()) == same


def test_a_gallery_of_nothing():
    assert rendering.render("", galleries.draw_gallery, [], [], []).files["png"]


def test_errors_by_crop_size():
    boxes = pd.DataFrame({"left": 0, "top": 0, "right": [10, 10, 20, 200], "bottom": [10, 12, 20, 150]})
    table = shares.errors_by_size(boxes, np.array([True, False, True, False]))
    assert table.index.tolist() == ["0 to 16", "16 to 24", "128 +"]
    assert table.crops.tolist() == [2, 1, 1] and table.error.tolist() == [0.5, 1, 0]


def test_a_run_in_several_tables_is_compared_with_the_report_wherever_it_stands():
    claims = pd.DataFrame(
        index=["T1.h64_32.test_accuracy", "T2.h64_32.test_accuracy", "T13.final.test_accuracy"]
    )
    assert tables.find_claim(claims, "mlp", "T2", "h64_32", "test_accuracy") == "T2.h64_32.test_accuracy"
    assert tables.find_claim(claims, "mlp", "T5", "h64_32", "test_accuracy") == "T1.h64_32.test_accuracy"
    assert (
        tables.find_claim(claims, "mlp", "T7", "final", "test_accuracy") is None
    )  # T13 is about the other part
    assert tables.find_claim(claims, "cnn", "T14", "final", "test_accuracy") == "T13.final.test_accuracy"


def test_pictures_are_small_on_the_page_and_look_the_same():
    drawn = np.asarray(Image.linear_gradient("L").resize((400, 400)).convert("RGB"))
    address = rendering.webp_uri(Image.fromarray(drawn))
    with Image.open(BytesIO(base64.b64decode(address.removeprefix("data:image/webp;base64,")))) as shown:
        assert np.abs(np.asarray(shown, dtype=int) - drawn).mean() < 2


def test_an_inline_svg_keeps_its_scale_and_takes_the_reader_s_colours():
    svg = f'<style type="text/css">*{{}}</style> <path d="M 123.456789 4.5 \nL 61.234567 9" fill="{INK}"/>'
    svg += '<!-- a > b --><metadata>\n<a/></metadata>\n <g transform="scale(0.015625)"/>'
    shown = rendering.adapt_svg(f'<?xml version="1.0"?><!DOCTYPE svg "x">{svg}')
    assert shown.endswith(
        '</style><path d="M 123.4 4.5 L 61.2 9" fill="var(--c0)"/><g transform="scale(0.015625)"/>'
    )
    assert shown.startswith("<style") and "prefers-color-scheme:dark" in shown


def test_an_svg_is_the_same_between_the_quotes_of_an_attribute():
    class Addresses(HTMLParser):
        def handle_starttag(self, tag, attributes):
            self.address = dict(attributes)["src"]

    svg = '<a b="50%" c="url(#d)">&lt;</a>'
    parser = Addresses()
    parser.feed(f'<img src="{rendering.svg_uri(svg)}">')
    assert unquote(parser.address) == "data:image/svg+xml," + svg.replace('"', "'")


def test_a_figure_is_drawn_again_only_where_its_data_changed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    drawn = tmp_path / "drawn"
    plans = {"a": (draw_and_count, 1, drawn), "b": (draw_and_count, 2, drawn)}
    first = rendering.draw_pictures(plans, Compute())
    assert drawn.read_text() == "12"
    assert rendering.draw_pictures(plans, Compute()) == first and drawn.read_text() == "12"
    rendering.draw_pictures(plans | {"b": (draw_and_count, 3, drawn)}, Compute())
    assert drawn.read_text() == "123"
    monkeypatch.setattr(rendering, "code_digest", lambda: "other code")
    rendering.draw_pictures(plans, Compute())
    assert drawn.read_text() == "12312"


def draw_and_count(number, drawn):
    """A figure that leaves a mark each time it is drawn."""
    with open(drawn, "a") as file:
        file.write(str(number))
    return style.new_figure(1 + number)[0]


def test_labels_are_set_the_same_with_and_without_fribidi():
    assert photographs.load_font(15).layout_engine == ImageFont.Layout.BASIC


def latent_points(places):
    """Five points of each digit at its place, and two that span the plane."""
    rows = [(10, x, y, digit) for digit, (x, y) in places.items() for _ in range(5)]
    return pd.DataFrame([*rows, (10, 0, 0, "0"), (10, 100, 100, "0")], columns=["epoch", "x", "y", "digit"])


SEPARATION = pd.DataFrame({"epoch": [10, 20], "knn_accuracy": 0.5, "silhouette": 0.1})


def test_a_label_that_would_hide_another_is_left_out():
    points = latent_points({"0": (10, 10), "1": (11, 12), "2": (10, 60), "3": (90, 10)})
    figure = latents.draw_latents(points, SEPARATION, True, DIGIT_CLASSES)
    assert [text.get_text() for text in figure.axes[0].texts] == ["0", "2", "3"]
    both = pd.concat([points, points.assign(epoch=20, x=points.x * 50)])
    figure = latents.draw_latents(both, SEPARATION, True, DIGIT_CLASSES)
    assert [text.get_text() for text in figure.axes[0].texts] == ["0", "2"], "on the axes of all epochs"


def counts_of(classes):
    counts = pd.DataFrame(1, index=classes, columns=classes)
    counts.iloc[0, 1], counts.iloc[0, 0] = 0, 12345
    return counts


def test_a_cell_without_samples_has_a_grey_zero_and_no_tint():
    figure = confusions.draw_confusions(counts_of(list("abc")), counts_of(list("abc")))
    texts = {tuple(text.get_position()): text for text in figure.axes[0].texts}
    assert texts[1, 0].get_text() == "0" and texts[1, 0].get_color() == GREY
    assert figure.axes[0].images[0].get_array()[0, 1, 3] == 0
    assert texts[1, 1].get_text() == "1\n33%" and texts[1, 1].get_color() == INK


def test_a_matrix_of_many_classes_has_shades_alone_and_names_that_do_not_touch():
    for number, shown in ((26, 26), (47, 24), (100, 25)):
        counts = counts_of([f"n{n}" for n in range(number)])
        figure = confusions.draw_confusions(counts, counts)
        figure.draw_without_rendering()
        for axes in figure.axes:
            assert not axes.texts and "the bluer, the more" in axes.get_title()
            labels = axes.get_yticklabels()
            assert len(labels) == shown and labels[1].get_text() == f"n{-(-number // 28)}"
            for one, other in pairwise([label.get_window_extent() for label in labels]):
                assert one.y0 > other.y1 - 1 or other.y0 > one.y1 - 1


@pytest.mark.parametrize("number", [2, 10, 26, 100])
def test_each_class_has_its_colour_in_the_light_and_in_the_dark(number):
    chosen = digit_colours(number)
    assert len(set(chosen)) == len({DARK_COLOURS[each] for each in chosen}) == number
    assert chosen == digit_colours(10)[:number] or number > 10


def test_latents_of_many_classes_are_named_where_they_are():
    names = [chr(ord("A") + n) for n in range(26)]
    points = latent_points({name: (10 + n % 6 * 15, 10 + n // 6 * 18) for n, name in enumerate(names)})
    points = points[points.digit != "0"]
    figure = latents.draw_latents(points, SEPARATION, True, names)
    assert [text.get_text() for text in figure.axes[0].texts] == names and not figure.legends
    found = figure.axes[0].collections[0].get_facecolor()[::5, :3]
    np.testing.assert_allclose(found, [ImageColor.getrgb(c) for c in digit_colours(26)] / np.float64(255))


@pytest.mark.parametrize(
    ("classes", "names"),
    [(["a", "b_c"], ["a", "b_c"]), (["a", "ক"], ["1", "2"]), (["a", "a long name"], ["1", "2"])],
)
def test_names_that_figures_cannot_write_are_numbers_there(classes, names):
    assert style.name_in_figures(classes) == names


def test_names_may_have_what_matplotlib_reads_as_formulas():
    picture = rendering.render("", galleries.draw_gallery, [np.zeros((2, 2))], ["$a"], ["b_$"])
    assert picture.files["svg"]


def folds_of(runs):
    rows = [(run, name, 0.5, 0.4, 0.6) for run in runs for name in ("bad", "good", "none", "all", "mean")]
    return pd.DataFrame(rows, columns=["run", "class", "recall", "low", "high"])


def test_equal_recalls_of_a_run_lie_beside_each_other():
    figure = steps.draw_remedies(folds_of(["a", "b"]), {"a": "A", "b": "B"})
    points = [
        (x, round(float(y), 3))
        for line in figure.axes[0].get_lines()
        if line.get_marker() in ("o", "s", "^", "|", "x")
        for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)
        if x == 0.5
    ]
    assert len(points) == 2 * 5 and len(set(points)) == len(points)


@pytest.mark.parametrize("classes", [list("abc"), list("0123456789"), [f"n{n}" for n in range(100)]], ids=len)
def test_no_text_of_a_figure_is_below_eleven_pixels(classes):
    points = pd.concat([latent_points({"0": (1, 2)}).assign(epoch=epoch) for epoch in (10, 20, 30, 40)])
    separation = pd.DataFrame({"epoch": [10, 20, 30, 40], "knn_accuracy": 0.5, "silhouette": 0.1})
    sizes = pd.DataFrame({"crops": [1, 2], "errors": 1, "error": 0.5}, index=["0 to 16", "16 to 24"])
    figures = [
        confusions.draw_confusions(counts_of(classes), counts_of(classes)),
        latents.draw_latents(points, separation, True, DIGIT_CLASSES),
        shares.draw_errors_by_size(sizes, sizes),
        steps.draw_remedies(folds_of(["a", "b"]), {"a": "A", "b": "B"}),
    ]
    for figure in figures:
        figure.draw_without_rendering()
        texts = [text for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()]
        assert len(texts) > 5
        assert min(text.get_fontsize() for text in texts) * rendering.SCREEN_DPI / 72 >= 11


def test_tables_of_the_same_runs_have_their_curves_once():
    curves = pd.DataFrame({"run": ["final"], "epoch": [1], "test_loss": [0.5]})
    tables_of = {"T12": curves, "T13": curves.copy(), "T14": curves.assign(run="weighted"), "T15": curves}
    nothing = pd.DataFrame({"run": [], "class": []})
    results = SimpleNamespace(
        curves={"mlp": {"T7": curves}, "cnn": tables_of},
        tables={"mlp": {}, "cnn": {}},
        scores={"mlp": {}},
        settings={"mlp": {}, "cnn": {}},
        class_accuracy={"cnn": nothing},
        folds=nothing,
        finals={"mlp": None, "cnn": None},
    )
    assert list(plans.plan_tables(results)) == ["mlp_T7_curves", "cnn_T12_curves", "cnn_T14_curves"]
