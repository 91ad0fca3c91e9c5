"""Picture: how much faster more threads make each backend, by where the data lives."""

import math
from typing import Optional

import pandas
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

from ..cases import native_backends
from ..headings import Keys
from ..rank import Group, regime_order
from ..shapes import speedups
from ..text import ratio_text
from . import canvas
from .picture import Picture

IDEAL = {"color": "black", "linestyle": "--", "linewidth": 1}


def draw(rows: pandas.DataFrame, groups: list[Group],
         styles: canvas.Styles) -> Optional[Picture]:
    """A panel per pass and regime; nothing when no problem was timed with several threads."""
    keys = canvas.panel_groups(groups)[0]
    pairs = speedups(rows[(rows["cache"] == keys["cache"]) & (rows["input"] == keys["input"])])
    if pairs.empty:
        return None
    pairs = pairs.assign(log=pairs["ratio"].map(math.log))
    fewest = int(pairs["fewest"].iloc[0])
    passes = list(pandas.unique(pairs["pass"]))
    regimes = sorted(set(pairs["regime"]), key=regime_order)
    backends, native = sorted(set(pairs["backend"])), native_backends(pairs)
    frame = canvas.frame(f"{canvas.kind_text(keys)}: speedup over {fewest} "
                         f"thread{'s' if fewest > 1 else ''}",
                         len(passes) * len(regimes), len(regimes), 1.25, high_gap=0.6)
    means = pairs.groupby(["pass", "regime", "backend", "threads"])["log"].mean().map(math.exp)
    counts = [fewest, *sorted(set(pairs["threads"]))]
    low, high = canvas.limits([1, *means], 1.15)
    panels = [(name, regime) for name in passes for regime in regimes]
    for place, (axes, (name, regime)) in enumerate(zip(frame.panels, panels)):
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlim(counts[0] / 1.1, counts[-1] * 1.1)
        axes.set_ylim(low, high)
        axes.xaxis.set_major_locator(FixedLocator(counts))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        canvas.ratio_axis(axes.yaxis, low, high)
        axes.plot([counts[0], counts[-1]], [1, counts[-1] / counts[0]], **IDEAL)
        for backend in backends:
            own = means.get((name, regime, backend), pandas.Series(dtype=float))
            if len(own):
                axes.plot([fewest, *own.index], [1, *own], **canvas.look(
                    styles[backend], backend in native), clip_on=False)
        axes.set_title(canvas.name(f"{name}, {regime}", 30), loc="left")
        if place % len(regimes):
            axes.tick_params(axis="y", labelleft=False)
        if place >= len(panels) - len(regimes):
            axes.set_xlabel("threads", labelpad=1)
    canvas.legend(frame, backends, styles, native, [Line2D([], [], **IDEAL, label="ideal")])
    return Picture("scaling", _alt(pairs, keys), canvas.svg(frame.figure))


def _alt(pairs: pandas.DataFrame, keys: Keys) -> str:
    most = pairs[pairs["threads"] == pairs["threads"].max()]
    means = most.groupby("backend")["log"].mean().map(math.exp).sort_values(ascending=False)
    values = ", ".join(f"{backend} {ratio_text(mean)}" for backend, mean in means.items())
    return (f"Speedup with threads per backend, pass and regime for {canvas.kind_text(keys)}. "
            f"Over all, from {most['fewest'].iloc[0]} to {most['threads'].iloc[0]} threads: "
            f"{values}.")
