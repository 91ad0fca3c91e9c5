"""Picture: which backend is the fastest for which shape, and how far ahead of the next it is."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple, Optional

import pandas
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from ..headings import Keys
from ..rank import Group
from ..text import ratio_text
from . import canvas
from .picture import Picture

MOST_BINS = 10
# Which rows, what is across, what is up.
MAPS = [("L = 1", "n", "c"), ("L > 1", "c", "l")]


class Cell(NamedTuple):
    """A backend, and the time of the next as a ratio to its own; NaN without a next."""

    backend: str
    margin: float


class Axis(NamedTuple):
    """The places of values on an axis, and what stands at each place."""

    places: dict[int, int]
    labels: list[str]


def draw(rows: pandas.DataFrame, groups: list[Group], styles: canvas.Styles,
         floor: float) -> Optional[Picture]:
    """A panel per pass and map, at the most threads; backends in a native layout do not count."""
    rows = rows[~rows["native_layout"].astype(bool)]
    first = canvas.panel_groups(groups)[0]
    panels = [keys for keys in canvas.panel_groups(groups)
              if canvas.same_setting(keys, first)]
    parts = []
    for label, across, up in MAPS:
        flat = rows[(rows["l"] == 1) == (label == "L = 1")]
        owns = [canvas.rows_of(flat, keys) for keys in panels]
        both = pandas.concat(owns)
        right, top = axis_of(both[across]), axis_of(both[up])
        if max(len(right.labels), len(top.labels)) > 1:
            parts += [(keys, f"{label}, {across.upper()} across, {up.upper()} up",
                       own.assign(x=own[across].map(right.places), y=own[up].map(top.places)),
                       right.labels, top.labels) for keys, own in zip(panels, owns)]
    if not parts:
        return None
    columns = len(panels)
    frame = canvas.frame(
        f"{canvas.kind_text(first)}: the fastest backend, and how many times longer the next takes",
        len(parts), columns, 0.3 * max(len(up) for *_, up in parts), left=0.75, high_gap=1.0)
    winners: Counter[str] = Counter()
    for place, (axes, (keys, label, own, across, up)) in enumerate(zip(frame.panels, parts)):
        winners.update(_map(axes, own, styles, floor))
        axes.set_xlim(-0.5, len(across) - 0.5)
        axes.set_ylim(-0.5, len(up) - 0.5)
        axes.set_xticks(range(len(across)), across, fontsize=7, rotation=40, ha="right",
                        rotation_mode="anchor")
        axes.set_yticks(range(len(up)), up if place % columns == 0 else [""] * len(up),
                        fontsize=7)
        axes.tick_params(length=0)
        axes.grid(False)
        canvas.panel_title(axes, keys, panels, columns)
        axes.set_title(f"{axes.get_title(loc='left')}\n{label}", loc="left")
    canvas.legend(frame, sorted(winners), styles)
    return Picture("heat", _alt(first, winners), canvas.svg(frame.figure))


def _map(axes: Axes, own: pandas.DataFrame, styles: canvas.Styles, floor: float) -> Counter[str]:
    """Draws the cells and counts who is the fastest in them."""
    winners: Counter[str] = Counter()
    for (x, y), rows in own.groupby(["x", "y"]):
        cell = cell_of(rows)
        if cell is None:
            continue
        winners[cell.backend] += 1
        color, marker = styles[cell.backend]
        axes.add_patch(Rectangle((x - 0.48, y - 0.47), 0.96, 0.94, linewidth=0,
                                 facecolor=_paler(color, cell.margin)))
        axes.plot([x], [y + 0.2], marker=marker, color=color, markersize=4,
                  markeredgecolor="white", markeredgewidth=0.5)
        tied = cell.margin < floor
        axes.text(x, y - 0.2, "" if math.isnan(cell.margin) else
                  "=" if tied else ratio_text(cell.margin), ha="center", va="center", fontsize=6.5)
    return winners


def cell_of(rows: pandas.DataFrame) -> Optional[Cell]:
    """The backend with the lowest geometric mean over the cases of a cell.

    Only those count that were timed in all of its cases; None when there is no such.
    """
    times = rows.pivot_table(index="backend", columns="case", values="median_ns").dropna()
    if times.empty:
        return None
    logs = times.apply(lambda column: column.map(math.log))
    means = logs.mean(axis=1).sort_values(kind="stable")
    margin = math.exp(means.iloc[1] - means.iloc[0]) if len(means) > 1 else math.nan
    return Cell(str(means.index[0]), margin)


def axis_of(values: Sequence[int]) -> Axis:
    """Every value at a place of its own, or, where they are many, ranges of powers of 2."""
    ordered = sorted({int(value) for value in values})
    step, key = 0, lambda value: value
    while len({key(value) for value in ordered}) > MOST_BINS:
        step += 1
        key = lambda value, step=step: math.floor(math.log2(max(1, value)) / step)
    bins = sorted({key(value) for value in ordered})
    places = {value: bins.index(key(value)) for value in ordered}
    labels = []
    for place in range(len(bins)):
        own = [value for value in ordered if places[value] == place]
        labels.append(f"{own[0]}" if len(own) == 1 else f"{own[0]}–{own[-1]}")
    return Axis(places, labels)


def _paler(color: str, margin: float) -> tuple[float, ...]:
    """The color mixed with white: the closer the next is, the paler."""
    lead = 0.0 if math.isnan(margin) else min(1.0, math.log2(margin))
    share = 0.15 + 0.6 * lead
    return tuple(1 - share + share * part for part in to_rgb(color))


def _alt(keys: Keys, winners: Counter[str]) -> str:
    counts = ", ".join(f"{backend} in {count}" for backend, count in winners.most_common())
    return (f"Heat maps of the fastest backend by N and C, and by C and L, for "
            f"{canvas.kind_text(keys)}, {keys['threads']} threads. Of {sum(winners.values())} "
            f"cells the fastest is: {counts}.")
