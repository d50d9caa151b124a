"""Turn figures into files that are the same bytes on every rerun, and draw again only those that changed."""

import base64
import hashlib
import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import matplotlib
import numpy as np
from matplotlib.collections import Collection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image

from pipeline.runtime.compute import Compute
from stages.write_report.colours import DARK_COLOURS, INK
from stages.write_report.figures.style import STYLE

ROOT = Path(__file__).parents[3]
DRAWING = ("stages/write_report", "pipeline/evaluation")  # the code that figures depend on
CACHE = Path(".cache/figures")
CACHE_BYTES = 200 * 2**20  # the figures used longest ago are removed above it
SERIAL_UP_TO = 4  # figures; to draw these takes less time than to start workers
SCREEN_DPI, PRINT_DPI = 96, 150
POINTS_DPI = 90  # of points that are drawn as pixels within an SVG: they are most of the bytes of F1 to F3
WEBP_QUALITY = 70
WEBP_ALPHA_QUALITY = 50  # of the edges of points: a third of the bytes of F1 to F3
LEFT_OUT = re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<metadata>.*?</metadata>|<!--.*?-->", re.DOTALL)
IMAGE = re.compile(r"<image\b[^>]*/>")
EMBEDDED_PNG = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=\s]+)")

Plans = dict[str, tuple[Any, ...]]  # figure: the function that draws it, and its arguments


class Picture(NamedTuple):
    """A figure as files by their suffix, "png" and, unless it is a photograph, "svg", and as the address of
    an image in the page, as it stands between double quotes. Sizes are in CSS pixels.
    """

    files: dict[str, bytes]
    uri: str
    width: int
    height: int


def draw_pictures(plans: Plans, compute: Compute) -> dict[str, Picture]:
    """Every figure; one whose code, libraries and data are those of an earlier run is taken from CACHE."""
    memory = joblib.Memory(CACHE, verbose=0)
    cached, code = memory.cache(render), code_digest()
    missing = [plan for plan in plans.values() if not cached.check_call_in_cache(code, *plan)]
    if len(missing) > SERIAL_UP_TO:
        list(compute.each(cached, [(code, *plan) for plan in missing], len(missing)))
    pictures = {name: cached(code, *plan) for name, plan in plans.items()}
    memory.reduce_size(bytes_limit=CACHE_BYTES)
    return pictures


def code_digest() -> str:
    """A digest of the code of this stage, of what it draws with, and of the libraries' versions."""
    modules = [path for folder in DRAWING for path in sorted((ROOT / folder).rglob("*.py"))]
    code = b"".join(path.read_bytes() for path in modules)
    versions = f"{matplotlib.__version__} {Image.__version__}"
    return hashlib.sha256(code + versions.encode()).hexdigest()


def render(code: str, draw: Callable[..., Figure | Image.Image], *arguments: Any) -> Picture:
    """What `draw(*arguments)` makes: a figure as PNG on white and SVG without background, a photograph as
    PNG. `code`, a digest of the drawing code, is part of the cache's key.
    """
    with matplotlib.rc_context(STYLE):
        drawn = draw(*arguments)
        if isinstance(drawn, Image.Image):
            return render_photograph(drawn)
        drawn.draw_without_rendering()
        # The figure is laid out now; doing so again for each file would take most of the time.
        drawn.set_layout_engine(None)
        png, svg = BytesIO(), BytesIO()
        drawn.savefig(png, format="png", dpi=PRINT_DPI, metadata={"Software": None})
        save_svg(drawn, svg)
        shown = add_dark_points(drawn, svg.getvalue().decode())
    width, height = drawn.get_size_inches() * SCREEN_DPI
    uri = svg_uri(adapt_svg(shown))
    return Picture({"png": png.getvalue(), "svg": svg.getvalue()}, uri, round(width), round(height))


def save_svg(figure: Figure, file: BytesIO) -> None:
    figure.savefig(file, format="svg", dpi=POINTS_DPI, transparent=True, metadata={"Date": None})


def add_dark_points(figure: Figure, svg: str) -> str:
    """The SVG of a figure, with its points that are drawn as pixels a second time, in the colours of a dark
    page, since no style sheet changes those of pixels. The figure keeps these colours.
    """
    points = [each for each in figure.findobj(Collection) if each.get_rasterized()]
    if not points:
        return svg
    for each in points:
        colours = np.asarray(each.get_facecolor())[:, :3]
        each.set_facecolor([DARK_COLOURS[to_hex((r, g, b))] for r, g, b in colours])
    save_svg(figure, dark := BytesIO())
    images = iter(IMAGE.findall(dark.getvalue().decode()))
    return IMAGE.sub(lambda image: f'<g class="light">{image[0]}</g><g class="dark">{next(images)}</g>', svg)


def render_photograph(photograph: Image.Image) -> Picture:
    png = BytesIO()
    photograph.save(png, "PNG")
    return Picture({"png": png.getvalue()}, webp_uri(photograph.convert("RGB")), *photograph.size)


def adapt_svg(text: str) -> str:
    """The SVG for the page: without what draws nothing, coordinates cut to a tenth of a point and pixels as
    WebP, which saves most of its bytes, and colours that follow the reader's light or dark mode.
    """
    text = EMBEDDED_PNG.sub(lambda png: webp_uri(Image.open(BytesIO(base64.b64decode(png[1])))), text)
    text = re.sub(r"\b(\d{2,}\.\d)\d+", r"\1", LEFT_OUT.sub("", text))
    text = re.sub(r"\s+", " ", text).replace("> <", "><")
    light, dark = "", ""
    for number, (colour, in_the_dark) in enumerate(DARK_COLOURS.items()):
        if colour not in text:
            continue
        text = text.replace(colour, f"var(--c{number})")
        light += f"--c{number}:{colour};"
        dark += f"--c{number}:{in_the_dark};"
    dark = f"svg{{{dark}}}.light{{display:none}}.dark{{display:inline}}"
    style = f"svg{{color:{INK};{light}}}.dark{{display:none}}@media(prefers-color-scheme:dark){{{dark}}}"
    return text.replace('<style type="text/css">', f'<style type="text/css">{style}', 1)


def svg_uri(text: str) -> str:
    """The address of an SVG as it stands between double quotes in the page, with few characters escaped."""
    text = text.replace('"', "'").replace("%", "%25").replace("#", "%23").replace("&", "&amp;")
    return f"data:image/svg+xml,{text}"


def webp_uri(picture: Image.Image) -> str:
    """The picture as WebP: a fifth of the bytes of the PNG, with no visible difference."""
    webp = BytesIO()
    picture.save(webp, "WEBP", quality=WEBP_QUALITY, alpha_quality=WEBP_ALPHA_QUALITY, method=4)
    return f"data:image/webp;base64,{base64.b64encode(webp.getvalue()).decode()}"
