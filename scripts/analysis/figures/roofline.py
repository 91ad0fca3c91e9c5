"""Picture: effective GB/s against the working set, below the measured speed of a copy."""

import math
from typing import Any, Optional

import pandas
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ..cases import native_backends
from ..headings import KIND, Keys, title
from ..rank import Group
from ..runs import Run
from ..text import bytes_text
from . import canvas
from .picture import Picture

MOST_RANGES = 10
CEILING = {"color": "black", "linestyle": "--", "linewidth": 1}


def draw(rows: pandas.DataFrame, groups: list[Group], styles: canvas.Styles,
         run: Run) -> Optional[Picture]:
    """A panel per pass and number of threads: a point per case, a line through the medians."""
    rows = rows[rows["bytes"] > 0]
    panels = canvas.panel_groups(groups)
    parts = [(keys, canvas.rows_of(rows, keys)) for keys in panels]
    parts = [(keys, own) for keys, own in parts if len(own)]
    if not parts:
        return None
    drawn = pandas.concat([own for _, own in parts])
    speed = drawn["bytes"] / drawn["median_ns"]
    backends, native = sorted(set(drawn["backend"])), native_backends(drawn)
    columns = canvas.columns_for([keys for keys, _ in parts])
    frame = canvas.frame(f"{canvas.kind_text(panels[0])}: effective GB/s by working set",
                         len(parts), columns, 2.0)
    ceilings = [_ceiling(run, keys["threads"]) for keys, _ in parts]
    tops = [gbs for line in ceilings for _, gbs in line]
    sizes = canvas.limits(list(drawn["bytes"]), 1.5)
    speeds = canvas.limits([*speed, *tops], 1.3)
    for place, (axes, (keys, own), line) in enumerate(zip(frame.panels, parts, ceilings)):
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlim(*sizes)
        axes.set_ylim(*speeds)
        canvas.bytes_axis(axes.xaxis, *sizes)
        canvas.ratio_axis(axes.yaxis, *speeds)
        _caches(axes, run, keys["threads"], sizes)
        axes.plot(*zip(*line) if line else ([], []), **CEILING)
        for backend in backends:
            cases = own[own["backend"] == backend]
            canvas.cloud(axes, cases["bytes"], cases["bytes"] / cases["median_ns"],
                         styles[backend], len(drawn))
            _medians(axes, cases, sizes, canvas.look(styles[backend], backend in native))
        canvas.panel_title(axes, keys, panels, columns)
        if place % columns == 0:
            axes.set_ylabel("GB/s")
        else:
            axes.tick_params(axis="y", labelleft=False)
    extra = [Line2D([], [], **CEILING, label="copy, measured")] if tops else []
    canvas.legend(frame, backends, styles, native, extra)
    return Picture("roofline", _alt(parts[0], panels), canvas.svg(frame.figure))


def _medians(axes: Axes, cases: pandas.DataFrame, sizes: tuple[float, float],
             look: dict[str, str]) -> None:
    """A line through the medians of ranges of the working set, as many as can be told apart."""
    wide = math.ceil(math.log2(sizes[1] / sizes[0]) / MOST_RANGES)
    place = cases["bytes"].map(lambda size: math.floor(math.log2(size) / wide))
    middle = pandas.DataFrame({"place": place, "bytes": cases["bytes"],
                               "speed": cases["bytes"] / cases["median_ns"]}).groupby(
                                   "place").median()
    axes.plot(middle["bytes"], middle["speed"], **look, markersize=4)


def _caches(axes: Axes, run: Run, threads: int, sizes: tuple[float, float]) -> None:
    """A line where the caches that so many threads use are full."""
    for cache in run.section("machine").get("caches") or []:
        if not cache.get("bytes"):
            continue
        full = cache["bytes"] * math.ceil(threads / (cache.get("shared_by") or 1))
        if sizes[0] < full < sizes[1]:
            axes.axvline(full, color=canvas.GRAY, linewidth=0.8, linestyle=":")
            axes.annotate(f"L{cache.get('level')}", (full, 0.01), xytext=(-2, 0),
                          xycoords=("data", "axes fraction"), textcoords="offset points",
                          ha="right", va="bottom", fontsize=7.5, color=canvas.GRAY)


def _ceiling(run: Run, threads: int) -> list[tuple[float, float]]:
    """Working set and GB/s of the faster copy at so many threads, by size."""
    found = []
    for entry in run.meta.get("ceilings") or []:
        best = max(entry.get("plain_gbs") or 0, entry.get("streaming_gbs") or 0)
        if entry.get("threads") == threads and entry.get("bytes") and best > 0:
            found.append((entry["bytes"], best))
    return sorted(found)


def _alt(part: tuple[Keys, pandas.DataFrame], panels: list[Keys]) -> str:
    keys, own = part
    speed = own["bytes"] / own["median_ns"]
    best: dict[str, Any] = own.loc[speed.idxmax()].to_dict()
    return (f"Effective GB/s against the working set for {canvas.kind_text(keys)}, with the "
            f"measured speed of a copy and the sizes of the caches. "
            f"{title(keys, panels, hidden=KIND)}: from {speed.min():.2g} to "
            f"{speed.max():.3g} GB/s, the fastest is {best['backend']} at "
            f"{bytes_text(best['bytes'])}.")
