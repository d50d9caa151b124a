"""Write .dvc/plots/page.html, the page that `dvc plots show` fills, with Vega's JavaScript inside.

    python -m tools.plots_page

DVC's own page loads Vega from the network; .dvc/config names this one instead.
"""

from pathlib import Path

import vl_convert

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>DVC plots</title>
<style>body {{ font-family: sans-serif; margin: 2em; }} body > div {{ margin-bottom: 2em; }}</style>
<script>{javascript}</script>
</head>
<body>
{{plot_divs}}
</body>
</html>
"""


def main() -> None:
    javascript = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    Path(".dvc/plots/page.html").write_text(
        PAGE.format(javascript=javascript.replace("</script", "<\\/script")), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
