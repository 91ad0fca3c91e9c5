"""Report sections: the best times of other norms and other types as ratios to the usual ones."""

import pandas

from .cases import best_rows
from .headings import MOST_USED, differing
from .price import SAME, over, shape_sections
from .rank import regime_order
from .runs import Run
from .text import Section, escape, markdown_table, mean_text

USUAL_NORM = MOST_USED["norm"]
USUAL_TYPE = MOST_USED["dtype"]


def instead_of_batch_norm(run: Run) -> list[Section]:
    """Per shape the best time of each norm as a ratio to that of batch norm over all N."""
    best = best_rows(run.rows)
    is_batch = best["norm"] == USUAL_NORM
    whole = (best["batch"] == 0) | (best["batch"] == best["n"])
    usual = best[is_batch & whole].sort_values("median_ns").drop_duplicates(SAME)
    return shape_sections(over(best[~is_batch], usual), USUAL_NORM)


def instead_of_f32(run: Run) -> str:
    """Geometric mean of the best time per type as a ratio to f32, by where the f32 case lives."""
    best = best_rows(run.rows)
    best = best.assign(shape=best["problem"].str.rsplit("/", n=1).str[-1])
    on = ["norm", "pass", "layout", "shape", "threads", "cache", "input"]
    usual = best.loc[best["dtype"] == USUAL_TYPE, [*on, "regime", "median_ns"]]
    pairs = best[best["dtype"] != USUAL_TYPE].merge(usual, on=on, suffixes=("", "_usual"))
    pairs = pairs.assign(ratio=pairs["median_ns"] / pairs["median_ns_usual"],
                         order=pairs["regime_usual"].map(regime_order))
    types = list(pandas.unique(pairs["dtype"]))
    labels = {"norm": "norm", "pass": "pass", "threads": "threads",
              **{key: key for key in differing(pairs, ["layout", "cache", "input"])},
              "regime_usual": f"regime in {USUAL_TYPE}"}
    body = []
    for key, own in pairs.sort_values("order", kind="stable").groupby(list(labels), sort=False):
        cells = [mean_text(own.loc[own["dtype"] == dtype, "ratio"]) for dtype in types]
        body.append([*map(escape, key), *cells])
    return markdown_table([*labels.values(), *map(escape, types)], body)
