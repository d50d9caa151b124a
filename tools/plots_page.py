"""Write .dvc/plots/page.html, the page that `dvc plots show` fills, with Vega's JavaScript inside.

    python -m tools.plots_page

DVC's own page loads Vega from the network; .dvc/config names this one instead. It is committed, so that the
plots show in a clone without any set-up; run this again when the pin of vl-convert-python changes.
"""

import json
from pathlib import Path

import vl_convert

from stages.write_report.contents import OTHERS_TITLE, TITLES

PAGE = Path(".dvc/plots/page.html")
HTML = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Plots of a deep-learning report, reproduced</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font-family: sans-serif; margin: 2em auto; padding: 0 1em; max-width: 60em; line-height: 1.5; }}
main > div {{ margin-bottom: 2em; max-width: 100%; overflow-x: auto; }}
nav ul {{ columns: 3 12em; }}
a {{ color: light-dark(#005a9c, #7cc0f5); }}
</style>
<!-- Vega, Vega-Lite and Vega-Embed, from vl-convert-python: BSD 3-Clause, https://vega.github.io -->
<script>{javascript}</script>
<script>
// Draw in the reader's light or dark mode; on a phone training and test set below each other.
const embed = window.vegaEmbed, narrow = innerWidth < 800;
const theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : undefined;
window.vegaEmbed = (element, spec) => {{
  if (narrow) for (const pair of spec.vconcat ?? []) {{
    pair.columns = 1;
    for (const panel of pair.concat) panel.width = 270;
  }}
  if (narrow && spec.facet) [spec.columns, spec.spec.width, spec.spec.height] = [1, 270, 270];
  const legend = narrow ? {{ orient: "bottom", columns: 3, direction: "horizontal" }} : {{}};
  return embed(element, spec, {{ theme, config: {{ background: "transparent", legend }} }});
}};
</script>
</head>
<body>
<h1>Plots of a deep-learning report, reproduced</h1>
<p>Learning curves, confusion matrices and latent features of two kinds of networks, on handwritten Tibetan
numerals and on faces with and without masks. They are drawn from <code>plots/</code> of this checkout. The
committed values are of <strong>synthetic data</strong>, which the pipeline draws itself; after
<code>dvc repro</code> on other data they are of those. Tables, verdicts and explanations are in
<code>report/index.html</code>.</p>
<nav aria-label="Contents"></nav>
<main>
{{plot_divs}}
</main>
<script>
// Give each plot a heading, and list them in the order of the report: DVC names a plot after its file.
const TITLES = {titles}, NAMES = {names}, KINDS = {kinds};
const nav = document.querySelector("nav"), main = document.querySelector("main");
const nameOf = (plot, kind) => plot.id.slice(kind.length + 1).replace(/_csv$/, "");
for (const [kind, heading] of Object.entries(KINDS)) {{
  const plots = [...main.children].filter(plot => plot.id.startsWith(kind));
  const order = Object.keys({{ ...TITLES, others: 0 }});
  const rank = plot => order.indexOf(nameOf(plot, kind).split("_")[0]) + 1 || order.length;
  const byName = (one, other) => one.id.localeCompare(other.id, "en", {{ numeric: true }});
  plots.sort((one, other) => rank(one) - rank(other) || byName(one, other));
  if (!plots.length) continue;
  const list = document.createElement("ul"), title = document.createElement("h2");
  title.textContent = heading;
  nav.append(Object.assign(document.createElement("h2"), {{ textContent: heading }}), list);
  main.append(title);
  for (const plot of plots) {{
    const name = nameOf(plot, kind), [first] = name.split("_");
    const text = NAMES[name] ?? (TITLES[first] ? `${{name}} · ${{TITLES[first]}}` : name);
    const link = Object.assign(document.createElement("a"), {{ href: `#${{plot.id}}`, textContent: text }});
    list.append(document.createElement("li"));
    list.lastChild.append(link);
    main.append(Object.assign(document.createElement("h3"), {{ textContent: text }}), plot);
  }}
}}
</script>
</body>
</html>
"""
NAMES = {"others": OTHERS_TITLE}
KINDS = {
    "plots_mlp_curves": "Part 1: learning curves",
    "plots_mlp_confusion": "Part 1: confusion matrices, of the first training of each run",
    "plots_latents": "Part 1: latent features",
    "plots_cnn_curves": "Part 2: learning curves",
    "plots_cnn_confusion": "Part 2: confusion matrices, of the first training of each run",
}


def main() -> None:
    javascript = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    page = HTML.format(
        javascript=javascript.replace("</script", "<\\/script"),
        titles=json.dumps(TITLES, ensure_ascii=False),
        names=json.dumps(NAMES),
        kinds=json.dumps(KINDS),
    )
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
