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
<title>DVC plots</title>
<style>
body {{ font-family: sans-serif; margin: 2em; max-width: 60em; }}
main > div {{ margin-bottom: 2em; overflow-x: auto; }}
nav ul {{ columns: 3 12em; }}
</style>
<!-- Vega, Vega-Lite and Vega-Embed, from vl-convert-python: BSD 3-Clause, https://vega.github.io -->
<script>{javascript}</script>
</head>
<body>
<h1>Plots</h1>
<nav aria-label="Contents"></nav>
<main>
{{plot_divs}}
</main>
<script>
// Give each plot a heading, and list them: DVC names a plot after its file.
const TITLES = {titles}, NAMES = {names}, KINDS = {kinds};
const nav = document.querySelector("nav"), main = document.querySelector("main");
for (const [kind, heading] of Object.entries(KINDS)) {{
  const plots = [...main.children].filter(plot => plot.id.startsWith(kind));
  plots.sort((one, other) => one.id.localeCompare(other.id, "en", {{ numeric: true }}));
  if (!plots.length) continue;
  const list = document.createElement("ul"), title = document.createElement("h2");
  title.textContent = heading;
  nav.append(Object.assign(document.createElement("h2"), {{ textContent: heading }}), list);
  main.append(title);
  for (const plot of plots) {{
    const name = plot.id.slice(kind.length + 1).replace(/_csv$/, ""), [first] = name.split("_");
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
NAMES = {"others": OTHERS_TITLE, "train": "training set", "test": "test set"}
KINDS = {
    "plots_mlp_curves": "Part 1: learning curves",
    "plots_mlp_confusion": "Part 1: confusion matrix of the final network",
    "plots_latents": "Part 1: latent features",
    "plots_cnn_curves": "Part 2: learning curves",
    "plots_cnn_confusion": "Part 2: confusion matrix of the final network",
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
