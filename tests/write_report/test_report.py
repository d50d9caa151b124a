"""The page of the report: its sentences, its files, and how it looks in a browser."""

import html
import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from pipeline.common.digits import load_digits
from pipeline.evaluation.claims import read_claims, report_tables
from pipeline.evaluation.folds import MEAN
from pipeline.runtime import settings
from stages.write_report import __main__ as write_report
from stages.write_report import changes, page, results, try_it
from stages.write_report.contents import PARTS
from tests.conftest import ROOT
from tests.write_report.made_results import EVIL, write_workspace

pytestmark = pytest.mark.xdist_group("report")  # one worker makes the report


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    write_workspace(folder)
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
    return params, results.read_results(params, read_claims())


def rendered(params, read_results):
    """The page without pictures."""
    context = page.make_context(params, read_claims(), read_results, load_digits()["test"])
    return page.render_page(context | {"photographs": {}}, {})


def words(params, read_results):
    """The text of the page."""
    text = rendered(params, read_results)
    text = re.sub(r"<style>.*?</style>|<script>.*?</script>", " ", text, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())


def test_one_worker_makes_the_report(request, worker_id):
    """Else each would: pytest-xdist may ignore a group without a word, as it does with pytest 9.2."""
    assert worker_id == "master" or request.node.nodeid.endswith("@report")


def test_numbers_in_sentences_come_from_the_metrics(read):
    params, found = read
    before = words(params, found)
    found.scores["mlp"]["scaled"]["test_accuracy"] = 0.98765
    found.scores["mlp"]["h512_256"]["test_accuracy"] = 0.8764
    after = words(params, found)
    sentence = "reaches 98.8 % on the test set, and 87.6 % from N(0, 1): +11.1 points"
    assert sentence in after and sentence not in before
    assert "initial weights cost test accuracy" in after
    assert "Unscaled initial weights cost 11.1 points of test accuracy" in after
    found.scores["mlp"]["scaled"]["test_accuracy"] = 0.5
    text = words(params, found)
    assert "initial weights cost" not in text and "Scaling the initial weights gains nothing here" in text


def test_a_remedy_is_best_only_where_it_is(read):
    params, found = read
    means = found.folds["class"] == MEAN
    found.folds.loc[means, "recall"] = 0.5
    found.folds.loc[means & (found.folds.run == "cv_larger"), "recall"] = 0.75
    assert "“larger network” is best: it finds 75 % of a class" in words(params, found).replace("\xa0", " ")
    found.folds.loc[means & (found.folds.run == "cv_nothing"), "recall"] = 0.875
    text = words(params, found).replace("\xa0", " ")
    assert "No remedy for the rare class finds more" in text and "is best: it" not in text


def test_the_report_s_numbers_come_back_only_where_they_do(read):
    params, found = read
    found.scores["mlp"]["scaled"]["test_accuracy"] = 0.98765
    assert "Of 1 values of tables T1 to T4, 1 are reproduced when" in words(params, found)
    found.claims.loc["T1.h64_32.test_accuracy", "verdict"] = "failed"
    assert "are reproduced when" not in words(params, found)


def test_the_profile_is_named(read):
    params, found = read
    said = "in the quick profile: fewer and shorter than the report's"
    assert "profile" not in words(params, found).split("Provenance")[0]
    assert said in words(params | {"profile": "quick"}, found)


def test_networks_that_have_learnt_nothing_are_said_to(read):
    params, found = read
    found.scores["cnn"]["final"]["test_accuracy"] = 0.1
    assert "It has learnt nothing beyond that" in words(params, found)


def test_the_page_has_no_raw_names_in_its_sentences(read):
    text = words(*read).split("All runs")[0]
    assert not re.findall(r"\b(?:True|False|None|nan)\b|(?:mlp|cnn|latents)\.\w+", text)


def test_sentences_turn_with_the_results(read):
    params, found = read
    table = found.tables["mlp"]["T2"]
    table["train_loss"], table["test_accuracy"] = [0.1, 0.2, 0.3, 0.4, 0.5], [0.5, 0.6, 0.7, 0.8, 0.9]
    assert "On the test set its rank is 5 of 5, with 50.0 %; the best is" in words(params, found)
    table["test_accuracy"] = [0.9, 0.8, 0.7, 0.6, 0.5]
    text = words(params, found)
    assert "On the test set its rank is 1 of 5, with 90.0 %." in text and "; the best is [" not in text
    rows = found.class_accuracy["cnn"]
    rows.loc[(rows.run == "final") & (rows.split == "test"), "accuracy"] = [0.75, 1.0, 1 / 3]
    text = words(params, found)
    assert "finds class none (worn wrongly) least often: 33.3 % of its test crops, on average 1 of 3" in text


def test_a_setting_that_changes_is_named_as_it_is(read):
    params, found = read
    found.settings["cnn"]["stride_2"]["stride"] = 3
    assert "stride 1 instead of 3" in words(params, found)


def test_synthetic_data_are_named_at_the_top(read):
    params, found = read
    said = "Not the report's data. The numerals and photographs here are"
    assert f"{said} synthetic, drawn by the pipeline itself" in words(params, found)
    found.sources["digits"]["source"] = found.sources["masks"]["source"] = "own"
    assert f"{said} your own. The verdicts on them say nothing about" in words(params, found)
    for raw, part in (("digits", "mlp"), ("masks", "cnn")):
        found.sources[raw]["source"] = read_claims().data[part].source
    assert "Not the report's data" not in words(params, found)


def test_every_judged_cell_has_its_mark(report):
    text = (report / "index.html").read_text()
    assert 'title="passed, tolerance 0.025">✓' in text.replace(' aria-label="passed, tolerance 0.025"', "")
    assert 'title="failed, tolerance 0.1"' in text and 'title="not comparable, no tolerance' not in text
    assert "the report's, 27 %" in html.unescape(text)


def test_what_comes_from_data_is_escaped(report):
    class Tags(HTMLParser):
        found, captions = [], []

        def handle_starttag(self, tag, attributes):
            self.found.append(tag)

        def handle_data(self, data):
            if self.found and self.found[-1] == "figcaption":
                self.captions.append(data.strip())

    parser = Tags()
    parser.feed((report / "index.html").read_text())
    assert parser.found.count("script") == 5 and EVIL in parser.captions
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


@pytest.mark.parametrize(
    ("section", "removed"),
    [
        ("mlp.runs", ["scaled"]),
        ("project_latents", ["F1_latents_16_2", "F1_latents_32_16_2", "F3_latents_20_15"]),
    ],
)
def test_what_params_yaml_leaves_out_is_left_out_here(here, section, removed):
    params = write_report.read_params()
    for name in removed:
        del settings.section(params, section)[name]
    text = words(params, results.read_results(params, read_claims()))
    assert not [name for name in removed if f" {name.split('_')[0]} · " in text]


def test_no_dot_of_a_value_leads_to_a_table_that_is_not_there(read):
    """The quick profile has single runs of tables that it leaves out."""
    params, found = read
    assert '<a href="#T1" tabindex="-1"><circle' in rendered(params, found)
    del found.tables["mlp"]["T1"]
    text = rendered(params, found)
    assert 'href="#T1"' not in text and "T1</text>" in text


def test_what_runs_that_are_gone_have_left_is_not_read(here):
    """As where git has put params.yaml back, which has no run in no table and none in folds."""
    params = write_report.read_params()
    found = results.read_results(params, read_claims())
    shown = set().union(*report_tables(read_claims(), "cnn", params["cnn"]["runs"]).values())
    in_folds = {run for run, values in found.settings["cnn"].items() if values["folds"]}
    for run in set(params["cnn"]["runs"]) - shown | in_folds:
        del params["cnn"]["runs"][run]
    del params["mlp"]["runs"]["latents_16_2"]
    params["project_latents"] = {}
    found = results.read_results(params, read_claims())
    kept = set(params["cnn"]["runs"])
    assert kept and "others" in found.tables["mlp"] and "others" not in found.tables["cnn"]
    assert set(found.scores["cnn"]) == set(found.class_accuracy["cnn"].run) == kept
    assert set(pd.concat(found.curves["cnn"].values()).run) == kept
    assert found.folds.empty and not found.latents and not found.separation
    digits = load_digits()["test"]
    assert try_it.make_trial(found, digits.images, digits.labels)["plane"] is None


@pytest.mark.parametrize("removed", [["T2", "T4", "T7"], ["T12", "T13", "T14"]], ids=str)
def test_tables_that_claims_yaml_leaves_out_are_left_out_here(read, removed):
    params, _ = read
    claims = read_claims()
    tables = {name: table for name, table in claims.tables.items() if name not in removed}
    found = results.read_results(params, claims.model_copy(update={"tables": tables}))
    text = words(params, found)
    assert not [name for name in removed if f" {name} · " in text]


def test_every_run_has_its_curves_its_scores_and_a_place_in_the_contents(read):
    params, found = read
    for part in PARTS:
        runs = set(params[part]["runs"])
        assert {run for curves in found.curves[part].values() for run in curves.run} == runs
        assert {run for rows in found.tables[part].values() for run in rows.run} == runs
        assert list(found.tables[part]) == [*report_tables(read_claims(), part, runs), "others"]
    assert words(*read).count("Runs in no table") == 4  # in the contents and as a heading, of each part


def test_the_probability_that_a_claim_needs_is_that_of_claims_yaml(read, here):
    sentence = "shown when a one-sided t test over their replicates has p at most {}"
    assert sentence.format("0.10") in words(*read)
    text = (ROOT / "claims.yaml").read_text()
    (here / "claims.yaml").write_text(text.replace("probability: 0.9", "probability: 0.8"))
    assert sentence.format("0.20") in words(*read)
    (here / "claims.yaml").write_text(text)


def test_changes_are_ordered_by_what_they_gain(read):
    gains = [change.gain for change in changes.list_changes(read[1])]
    assert gains and gains == sorted(gains, reverse=True)


def test_a_change_is_judged_by_the_test_of_the_claims_whichever_way_it_goes(read):
    """Shares of few samples have intervals."""
    replicates = read[1].replicates
    replicates["mlp"]["mlp.h512_256.test_accuracy"] = one = np.array([0.80, 0.84])
    replicates["mlp"]["mlp.scaled.test_accuracy"] = other = np.array([0.79, 0.81])
    found = {(c.samples, c.name): c for c in changes.list_changes(read[1])}
    (change,) = (c for c in found.values() if c.before == one.mean() and c.after == other.mean())
    expected = 1 - stats.ttest_ind(one, other, equal_var=False, alternative="greater").pvalue
    assert change.probability == pytest.approx(expected) and change.gain < 0
    few = [change for change in found.values() if "samples)" in change.samples]
    assert few and all(
        low <= share <= high
        for change in few
        for share, (low, high) in zip((change.before, change.after), change.intervals, strict=True)
    )


CHECK = r"""<script>
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
    broken: all("a").map(a => a.getAttribute("href"))
      .filter(h => h.startsWith("#") && !document.getElementById(h.slice(1))),
    outside: addresses.filter(address => !/^(#|data:|figures\/|\.\.\/)/.test(address)),
    height: document.documentElement.scrollHeight,
    wide: all(".scroll:has(table)").filter(e => e.scrollWidth > e.clientWidth).map(e => e.ariaLabel),
    repeated: ids.filter((id, index) => ids.indexOf(id) !== index),
  }, "*");
});
</script>"""
CLICK = r"""<script>
addEventListener("load", () => {
  const table = document.querySelector("table.sort"), head = table.tHead.rows[0].cells[2];
  const column = () => [...table.tBodies[0].rows].map(row => parseFloat(row.cells[2].textContent));
  const orders = [0, 1].map(() => { head.querySelector("button").click(); return column(); });
  const box = document.querySelector("#filter input");
  box.value = "separation failed";
  box.dispatchEvent(new Event("input"));
  const shown = [...document.querySelectorAll(".claims > li")].filter(li => !li.hidden).map(li => li.id);
  document.body.append(Object.assign(document.createElement("pre"),
    {id: "seen", textContent: JSON.stringify({orders, shown})}));
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
    assert width < 1200 or seen["height"] < 24_000
    assert len(text) < 5_000_000, "the whole page, with its networks, opens at once"


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


def test_tables_sort_and_a_box_filters_claims(report, tmp_path):
    text = (report / "index.html").read_text()
    (tmp_path / "page.html").write_text(text.replace("</body>", f"{CLICK}</body>"))
    document, log = browse(tmp_path, tmp_path / "page.html")
    found = re.search(r'<pre id="seen">(.*?)</pre>', document, re.DOTALL)
    assert found, log
    seen = json.loads(html.unescape(found.group(1)))
    rising, falling = seen["orders"]
    assert rising == sorted(rising) and falling == rising[::-1] != rising
    assert seen["shown"] == ["C11"]
