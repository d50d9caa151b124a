"""Render the page, one HTML file with its pictures inside, from the templates page.html and page.css."""

import base64
import json
import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

from pipeline.report.colours import INK
from pipeline.report.figures.style import Picture
from pipeline.report.tables import percent

TEMPLATES = Path(__file__).parent
WEBP_QUALITY = 85
PLAIN = " !'()*+,-./:;=?@_~"  # characters that need no escape in an address within double quotes
SVG_LIMIT = 400_000  # bytes above which a figure goes into the page as pixels
# Text and axes of an inline figure follow the reader's light or dark, as the page around it does.
SVG_INK = f"svg{{color:{INK}}}@media(prefers-color-scheme:dark){{svg{{color:#e6e6ea}}}}"


def data_uri(picture: Picture) -> str:
    """The picture as a data URI: a small SVG unchanged in form, anything else as WebP."""
    svg = picture.files.get("svg")
    if svg is not None and len(svg) <= SVG_LIMIT:
        return f"data:image/svg+xml,{quote(adapt_svg(svg.decode()), safe=PLAIN)}"
    return f"data:image/webp;base64,{base64.b64encode(to_webp(picture.files['png'])).decode()}"


def adapt_svg(text: str) -> str:
    """The SVG in the page's colours, with coordinates rounded to a hundredth of a point to save a third."""
    text = re.sub(r"(\d{2}\.\d{2})\d+", r"\1", text).replace(INK, "currentColor").replace("\n", " ")
    return text.replace('<style type="text/css">', f'<style type="text/css">{SVG_INK}', 1)


def to_webp(png: bytes) -> bytes:
    """The picture as WebP: a fifth of the bytes of the PNG, with no visible difference."""
    webp = BytesIO()
    with Image.open(BytesIO(png)) as picture:
        picture.convert("RGB").save(webp, "WEBP", quality=WEBP_QUALITY, method=4)
    return webp.getvalue()


def points(value: float) -> str:
    """A difference of two shares in percentage points, with its sign."""
    return f"{100 * value:+.1f}".replace("-", "−")


def plain_json(value: Any) -> str:
    return json.dumps(value, indent=1)


def render_page(context: dict[str, Any], pictures: dict[str, Picture]) -> str:
    """The page; every name and text from the data is escaped, a name missing in the context is an error."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., str]] = {
        "percent": percent,
        "points": points,
        "json": plain_json,
        "uri": data_uri,
    }
    environment.filters |= filters
    return environment.get_template("page.html").render(context, pictures=pictures, zip=zip)
