"""The page: one HTML file that holds its pictures, from the template page.html and its style page.css."""

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

from pipeline.report.figures.look import INK, Picture
from pipeline.report.tables import percent

TEMPLATES = Path(__file__).parent
WEBP_QUALITY = 85
PLAIN = " !'()*+,-./:;=?@_~"  # what may stand in an address as it is, within double quotes
SVG_LIMIT = 400_000  # bytes above which a figure goes into the page as pixels
# Text and axes of an inline figure follow the reader's light or dark, as the page around it does.
SVG_INK = f"svg{{color:{INK}}}@media(prefers-color-scheme:dark){{svg{{color:#e6e6ea}}}}"


def data_uri(picture: Picture) -> str:
    """The picture as an address that holds all of it: small SVG as it is, anything else as WebP."""
    svg = picture.files.get("svg")
    if svg is not None and len(svg) <= SVG_LIMIT:
        return f"data:image/svg+xml,{quote(adapt_svg(svg.decode()), safe=PLAIN)}"
    return f"data:image/webp;base64,{base64.b64encode(to_webp(picture.files['png'])).decode()}"


def adapt_svg(text: str) -> str:
    """The figure in the reader's colours, and its places to a hundredth of a point, which is a third less."""
    text = re.sub(r"(\d{2}\.\d{2})\d+", r"\1", text).replace(INK, "currentColor").replace("\n", " ")
    return text.replace('<style type="text/css">', f'<style type="text/css">{SVG_INK}', 1)


def to_webp(png: bytes) -> bytes:
    """A fifth of the bytes of the PNG, without a difference that can be seen."""
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
