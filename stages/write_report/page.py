"""Render the page, one HTML file with its pictures inside, from templates and scripts beside this file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from stages.write_report.figures.rendering import Picture
from stages.write_report.tables import percent

TEMPLATES = Path(__file__).parent


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
    filters: dict[str, Callable[..., str]] = {"percent": percent, "points": points, "json": plain_json}
    environment.filters |= filters
    return environment.get_template("page.html").render(context, pictures=pictures, zip=zip)
