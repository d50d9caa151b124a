"""Write the report's page: every table, figure and claim with its verdict, in one file that works offline.

    python -m stages.write_report

Reads claims.yaml, plots/, models/, settings/, the digits, crops and photographs; writes report/index.html,
and its figures as files of their own in report/figures/. Figures are kept in .cache/, and drawn again only
where their data changed.
"""

from pipeline.common.digits import load_digits
from pipeline.common.paths import REPORT
from pipeline.evaluation.claims import read_claims
from pipeline.runtime.compute import read_compute
from pipeline.runtime.files import whole_folder
from pipeline.runtime.process import run_stage
from pipeline.runtime.settings import read_params
from stages.write_report.figures.plans import plan_figures
from stages.write_report.figures.rendering import draw_pictures
from stages.write_report.page import make_context, render_page
from stages.write_report.results import read_results


def main() -> None:
    params, claims = read_params(), read_claims()
    compute = read_compute(params)
    results = read_results(params, claims)
    test = load_digits()["test"]
    plans, photographs = plan_figures(results, test.images)
    with whole_folder(REPORT) as folder:
        pictures = draw_pictures(plans, compute)
        context = make_context(params, claims, results, test)
        page = render_page(context | {"photographs": photographs}, pictures)
        (folder / "figures").mkdir()
        for name, picture in pictures.items():
            for suffix, data in picture.files.items():
                (folder / f"figures/{name}.{suffix}").write_bytes(data)
        (folder / "index.html").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    run_stage(main)
