"""How often a claim that is true and one that is false pass, by kind and number of replicates.

    python -m tests.claim_rates       prints the table of docs/trust.md, which a test compares with it

Replicates are simulated with known truth: normal, with a deviation of 1. What is false is as near to the
truth as it can be: equal means for an order, a difference of just `within` for a likeness.
"""

from collections.abc import Callable

import numpy as np

from pipeline.evaluation import statistics
from pipeline.evaluation.claims import read_claims

REPLICATES, SIMULATIONS = (2, 3, 4, 5), 1000
REQUIRED = read_claims().probability
WITHIN = 3.0  # of a likeness
TOLERANCE = 2.5  # of a value

# Whether a claim passes, with so many replicates, that is true or not.
Simulated = Callable[[np.random.Generator, int, bool], bool]


def passes(probability: float) -> bool:
    return statistics.ordering_verdict([probability], REQUIRED) == "passed"


def order(rng: np.random.Generator, count: int, true: bool) -> bool:
    high, low = rng.normal(2.0 if true else 0.0, 1, count), rng.normal(0, 1, count)
    return passes(statistics.probability_greater(high, low))


def order_of_replicates(rng: np.random.Generator, count: int, true: bool) -> bool:
    """Two scores of the same replicates, which vary together."""
    shared, difference = rng.normal(0, 3, count), rng.normal(2.0 if true else 0.0, 1, count)
    return passes(statistics.probability_greater(shared + difference, shared, paired="replicates"))


def order_of_folds(rng: np.random.Generator, count: int, true: bool) -> bool:
    """Two runs in the same folds, whose differences are correlated as their training samples overlap."""
    common, own = rng.normal(0, (1 / count) ** 0.5), rng.normal(0, (1 - 1 / count) ** 0.5, count)
    difference = (2.0 if true else 0.0) + common + own
    shared = rng.normal(0, 3, count)
    return passes(statistics.probability_greater(shared + difference, shared, paired="folds"))


def likeness(rng: np.random.Generator, count: int, true: bool) -> bool:
    one, other = rng.normal(0.0 if true else WITHIN, 1, count), rng.normal(0, 1, count)
    return passes(statistics.probability_alike(one, other, WITHIN))


def value(rng: np.random.Generator, count: int, true: bool) -> bool:
    """The report's value is one training of its own."""
    report, ours = rng.normal(0.0 if true else 2 * TOLERANCE, 1), rng.normal(0, 1, count)
    return statistics.value_verdict(report, ours.mean(), TOLERANCE, comparable=True) == "passed"


KINDS: dict[str, tuple[Simulated, str, str]] = {  # with what is true and what is false
    "order of two runs": (order, "means 2 apart", "equal means"),
    "order in the same replicates": (order_of_replicates, "2 apart", "equal"),
    "order in the same folds": (order_of_folds, "2 apart", "equal"),
    f"likeness within {WITHIN:g}": (likeness, "equal means", f"means {WITHIN:g} apart"),
    f"value within {TOLERANCE:g}": (value, "the same network", f"means {2 * TOLERANCE:g} apart"),
}


def rate(simulated: Simulated, count: int, true: bool) -> float:
    rng = np.random.default_rng([count, true])
    return sum(simulated(rng, count, true) for _ in range(SIMULATIONS)) / SIMULATIONS


def table() -> str:
    head = "| kind of claim | true or false | " + " | ".join(f"{count} replicates" for count in REPLICATES)
    lines = [f"{head} |", "|---|---|" + "--:|" * len(REPLICATES)]
    for kind, (simulated, is_true, is_false) in KINDS.items():
        for true, said in ((True, f"true: {is_true}"), (False, f"false: {is_false}")):
            rates = " | ".join(f"{rate(simulated, count, true):.0%}" for count in REPLICATES)
            lines.append(f"| {kind} | {said} | {rates} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
