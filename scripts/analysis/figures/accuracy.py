"""Picture: whether speed is bought with accuracy, the error against the ratio to the best."""

import math
from typing import Optional

import pandas

from ..cases import native_backends
from ..headings import Keys
from ..rank import Group
from ..text import ratio_text
from . import canvas
from .picture import Picture


def draw(rows: pandas.DataFrame, groups: list[Group],
         styles: canvas.Styles) -> Optional[Picture]:
    """A panel per pass, at the most threads: every case faintly, the worst error of all large."""
    first = canvas.panel_groups(groups)[0]
    panels = [keys for keys in canvas.panel_groups(groups)
              if canvas.same_setting(keys, first)]
    rows = rows[rows["error"].notna()]
    parts = [(keys, _with_ratio(canvas.rows_of(rows, keys))) for keys in panels]
    parts = [(keys, own) for keys, own in parts if len(own)]
    if not parts:
        return None
    drawn = pandas.concat([own for _, own in parts])
    backends, native = sorted(set(drawn["backend"])), native_backends(drawn)
    columns = canvas.columns_for(panels)
    frame = canvas.frame(f"{canvas.kind_text(first)}: worst error in units of its bound, "
                         "by time as a ratio to the best", len(parts), columns, 2.0)
    low, high = canvas.limits([1, *drawn["ratio"]], 1.2)
    for place, (axes, (keys, own)) in enumerate(zip(frame.panels, parts)):
        axes.set_xscale("log")
        axes.set_xlim(low, high)
        axes.set_ylim(0, max(1.1, drawn["error"].max() * 1.1))
        canvas.ratio_axis(axes.xaxis, low, high)
        axes.axhline(1, color="black", linestyle="--", linewidth=1)
        for backend in backends:
            cases = own[own["backend"] == backend]
            canvas.cloud(axes, cases["ratio"], cases["error"], styles[backend], len(drawn))
            if len(cases):
                axes.plot([math.exp(cases["ratio"].map(math.log).mean())], [cases["error"].max()],
                          **canvas.look(styles[backend], backend in native), linestyle="",
                          markersize=7)
        canvas.panel_title(axes, keys, panels, columns)
        axes.set_xlabel("time / best", labelpad=1)
        if place % columns == 0:
            axes.set_ylabel("error / bound")
        else:
            axes.tick_params(axis="y", labelleft=False)
    canvas.legend(frame, backends, styles, native)
    return Picture("accuracy", _alt(drawn, first), canvas.svg(frame.figure))


def _with_ratio(own: pandas.DataFrame) -> pandas.DataFrame:
    """The rows with the ratio of their median to the best of those that take the data as it is."""
    plain = own[~own["native_layout"].astype(bool)]
    best = own["case"].map(plain.groupby("case")["median_ns"].min())
    return own.assign(ratio=own["median_ns"] / best).dropna(subset=["ratio"])


def _alt(drawn: pandas.DataFrame, keys: Keys) -> str:
    worst = drawn.groupby("backend")["error"].max().sort_values()
    values = ", ".join(f"{backend} {ratio_text(error)}" for backend, error in worst.items())
    return (f"Worst error in units of the bound, where 1 is the limit, against the time as a "
            f"ratio to the best, for {canvas.kind_text(keys)}. Worst per backend: {values}.")
