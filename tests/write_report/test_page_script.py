"""The script of the page: tables are sorted, claims filtered, and nothing is folded away in print."""

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.write_report.test_report import browse

ROWS = [
    ("[128]", "9.5 ± 0.1 ✓", "1,200", "h16"),
    ("[32]", "10.2 ± 0.3 ✗", "900", "h8"),
    ("[512, 256]", "", "−3", "h128"),
    ("[32, 16]", "−1.5", "+4", ""),
    ("[512]", "1e-4", "n/a", "adam"),
]
CLAIMS = {
    "C1": ("passed", "Two layers are better. T4"),
    "C11": ("failed", "PCA separates the classes. F2"),
    "C2": ("not_comparable", "The weighted sampler costs accuracy, unlike C1. T14"),
}
SEARCHES = {
    "C1": ["C1", "C2"],
    "c11": ["C11"],
    "T4, failed, sampler, …": ["C1", "C11", "C2"],
    "sampler costs": ["C2"],
    "separates failed": ["C11"],
    "not comparable": ["C2"],
    "T1": [],
    "costs separates": [],
    " , ": ["C1", "C11", "C2"],
}
PAGE = """<body><p id="filter" hidden><input><output></output></p>
<ul class="claims">{claims}</ul><a id="tile" href="#C11" data-filter="failed">1 failed</a>
<table class="sort"><thead><tr><th>a</th><th>b</th><th>c</th><th>d</th></tr></thead>
<tbody>{rows}</tbody></table>
<details id="folded"><summary>s</summary></details><details id="open" open><summary>s</summary></details>
<div class="scroll" id="narrow" style="width: 9em; overflow: auto"><p>abcdefghi</p></div>
<div class="scroll" id="wide" style="width: 9em; overflow: auto"><p style="width: 20em">ab</p></div>
<script>{script}</script><script>
addEventListener("load", async () => {{
  const found = {{orders: [], searches: {{}}}};
  for (const column of [0, 1, 2, 3]) for (const direction of ["rising", "falling"]) {{
    document.querySelectorAll("th button")[column].click();
    found.orders.push([...document.querySelectorAll("tbody tr")].map(row => row.cells[column].textContent));
  }}
  const box = document.querySelector("#filter input"), output = document.querySelector("output");
  const shown = () => [...document.querySelectorAll(".claims > li:not([hidden])")].map(li => li.id);
  for (const search of {searches}) {{
    box.value = search;
    box.dispatchEvent(new Event("input"));
    found.searches[search] = [shown(), output.textContent];
  }}
  document.getElementById("tile").click();
  found.tile = shown();
  location.hash = "#C1"; // which the filter hides
  await new Promise(resolve =>
    addEventListener("hashchange", event => event.newURL.endsWith("#C1") && resolve()));
  found.linked = shown();
  const open = () => [...document.querySelectorAll("details")].map(each => each.open);
  dispatchEvent(new Event("beforeprint"));
  found.printed = open();
  dispatchEvent(new Event("afterprint"));
  found.restored = open();
  found.stops = [...document.querySelectorAll(".scroll[tabindex]")].map(each => each.id);
  document.getElementById("narrow").style.width = "3em";
  dispatchEvent(new Event("resize"));
  found.narrowed = [...document.querySelectorAll(".scroll[tabindex]")].map(each => each.id);
  document.body.append(Object.assign(document.createElement("pre"),
    {{id: "seen", textContent: JSON.stringify(found)}}));
}});
</script></body>"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the script of the page does to a small one."""
    folder: Path = tmp_path_factory.mktemp("script")
    claims = "".join(
        f'<li id="{key}" class="{c}"><p>{key} {text}</p></li>' for key, (c, text) in CLAIMS.items()
    )
    rows = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in ROWS)
    script = (ROOT / "stages/write_report/page.js").read_text()
    page = PAGE.format(claims=claims, rows=rows, script=script, searches=json.dumps(list(SEARCHES)))
    (folder / "page.html").write_text(page)
    document, log = browse(folder, folder / "page.html")
    found = re.search(r'<pre id="seen"[^>]*>(.*?)</pre>', document, re.DOTALL)
    assert found and "CONSOLE" not in log, log
    result: dict[str, Any] = json.loads(html.unescape(found[1]))
    return result


@pytest.mark.parametrize(
    ("column", "rising"),
    [
        (0, ["[32]", "[32, 16]", "[128]", "[512]", "[512, 256]"]),
        (1, ["−1.5", "1e-4", "9.5 ± 0.1 ✓", "10.2 ± 0.3 ✗", ""]),
        (2, ["−3", "+4", "900", "1,200", "n/a"]),
        (3, ["adam", "h8", "h16", "h128", ""]),
    ],
)
def test_numbers_and_lists_are_sorted_by_their_numbers(seen, column, rising):
    full = [cell for cell in rising if cell]
    assert seen["orders"][2 * column] == rising
    assert seen["orders"][2 * column + 1] == full[::-1] + [""] * (len(rising) - len(full))


@pytest.mark.parametrize(("search", "shown"), SEARCHES.items(), ids=str)
def test_the_filter_finds_claims_by_whole_ids_words_and_verdicts(seen, search, shown):
    found, said = seen["searches"][search]
    assert found == shown
    nothing = "No claim has these words. Empty the box to see all."
    assert said == ("" if not search.strip(" ,") else f"{len(shown)} of 3" if shown else nothing)


def test_a_tile_filters_claims_and_a_link_to_a_hidden_one_shows_it(seen):
    assert seen["tile"] == ["C11"]
    assert seen["linked"] == ["C1", "C11", "C2"]


def test_print_unfolds_all_and_folds_it_again(seen):
    assert seen["printed"] == [True, True] and seen["restored"] == [False, True]


def test_only_what_scrolls_is_a_stop_of_the_tab_key(seen):
    assert seen["stops"] == ["wide"] and seen["narrowed"] == ["narrow", "wide"]
