"""The page: one HTML file that holds its pictures, from the template page.html and its style page.css."""

import base64
import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from stages.figures.look import INK, Picture
from stages.report.tables import percent

TEMPLATES = Path(__file__).parent
TYPES = {"png": "image/png", "svg": "image/svg+xml", "jpg": "image/jpeg"}
SVG_LIMIT = 400_000  # bytes above which a figure goes into the page as PNG
# Text and axes of an inline figure follow the reader's light or dark, as the page around it does.
SVG_INK = f"svg{{color:{INK}}}@media(prefers-color-scheme:dark){{svg{{color:#e6e6ea}}}}"


def data_uri(picture: Picture) -> str:
    """The picture as an address that holds all of it."""
    suffix = picture.inline
    data = picture.files[suffix]
    if suffix == "svg" and len(data) > SVG_LIMIT:
        suffix, data = "png", picture.files["png"]
    elif suffix == "svg":
        text = data.decode().replace(INK, "currentColor")
        data = text.replace('<style type="text/css">', f'<style type="text/css">{SVG_INK}', 1).encode()
    return f"data:{TYPES[suffix]};base64,{base64.b64encode(data).decode()}"


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
    environment.filters |= {"percent": percent, "points": points, "json": plain_json, "uri": data_uri}
    return environment.get_template("page.html").render(context, pictures=pictures)
