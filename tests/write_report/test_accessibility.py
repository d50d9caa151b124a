"""axe finds nothing on the page that keeps a reader with a keyboard or a screen reader out."""

import html
import json
import re
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Workspace
from tests.write_report.test_report import FRAME, browse

pytestmark = pytest.mark.xdist_group("report")

AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
RUN = """<script>
addEventListener("load", async () => {
  await Promise.all([...document.querySelectorAll("details:not([open])")].map(each => new Promise(resolve => {
    each.addEventListener("toggle", resolve);
    each.open = true;
  })));
  const {violations} = await axe.run(document, {resultTypes: ["violations"]});
  const first = document.querySelector("a[href], button, input, select, summary, [tabindex]");
  parent.postMessage({
    found: violations.map(({id, impact, nodes}) => `${impact}: ${id}: ${nodes[0].html}`),
    first: first.textContent,
    empty: [...document.querySelectorAll("details")]
      .filter(each => each.children.length < 2).map(each => each.textContent),
    still: [...document.querySelectorAll(".scroll[tabindex], pre[tabindex]")]
      .filter(each => each.scrollWidth <= each.clientWidth).map(each => each.outerHTML.slice(0, 99)),
  }, "*");
});
</script>"""


def run_axe(page: str, folder: Path, width: int) -> dict[str, Any]:
    """What axe finds on a page with nothing folded away, in a window of that width."""
    (folder / "page.html").write_text(page.replace("</body>", f"<script>{AXE}</script>{RUN}</body>"))
    (folder / "frame.html").write_text(FRAME.format(width=width))
    document, log = browse(folder, folder / "frame.html")
    found = re.search(r"<pre>(.*?)</pre>", document, re.DOTALL)
    assert found, log
    result: dict[str, Any] = json.loads(html.unescape(found[1]))
    return result


@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_on_the_page(quick_run: Workspace, tmp_path: Path, width: int) -> None:
    seen = run_axe((quick_run.folder / "report/index.html").read_text(), tmp_path, width)
    assert not seen["found"]
    assert seen["first"] == "Skip to the report" and not seen["still"] and not seen["empty"]


def test_axe_sees_what_is_wrong(tmp_path: Path) -> None:
    page = "<!DOCTYPE html><html><body><a href='#a'>a</a><p style='color: #ddd'>pale</p>"
    page += "<details><summary><a href='#b'>b</a></summary></details></body></html>"
    seen = run_axe(page, tmp_path, 390)
    found = {violation.split(": ")[1] for violation in seen["found"]}
    assert {"nested-interactive", "color-contrast", "html-has-lang"} <= found
    assert seen["first"] == "a" and seen["empty"] == ["b"]


def test_what_is_seen_in_a_figure_is_not_its_caption_nor_a_file(quick_run: Workspace) -> None:
    class Figures(HTMLParser):
        alternatives: list[str] = []
        captions: list[str] = []
        within = False

        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            if tag == "img":
                self.alternatives.append(dict(attributes)["alt"] or "")
            if tag == "figcaption":
                self.captions.append("")
            self.within = tag == "figcaption"

        def handle_data(self, data: str) -> None:
            if self.within:
                self.captions[-1] += data

    page = Figures()
    page.feed((quick_run.folder / "report/index.html").read_text())
    assert len(page.captions) > 20 and "" not in map(str.strip, page.captions)
    assert not set(map(str.strip, page.captions)) & set(page.alternatives) - {""}
    assert not [
        alternative for alternative in page.alternatives if re.search(r"\.(jpe?g|png)\b", alternative)
    ]
