"""Picture: how far each backend is from the best, per pass, with intervals."""

import math
import statistics
from typing import Optional

from matplotlib.axes import Axes

from ..headings import KIND, Keys, title
from ..rank import Group, Standing, cases_text
from ..summary import whole_groups
from ..text import backend_text, ratio_text
from . import canvas
from .picture import Picture


def draw(groups: list[Group], styles: canvas.Styles) -> Optional[Picture]:
    """A row per backend, a panel per pass and number of threads; nothing without standings."""
    panels = canvas.panel_groups(groups)
    shown = [group for keys in panels for group in whole_groups(groups) if group.keys == keys]
    standings = [standing for group in shown for standing in group.standings]
    if not standings:
        return None
    native = {standing.backend for standing in standings if standing.native}
    backends = _order(shown)
    columns = canvas.columns_for(panels)
    frame = canvas.frame(
        f"{canvas.kind_text(panels[0])}: time as a ratio to the best, 1 is the best",
        len(shown), columns, 0.25 + 0.24 * len(backends), left=1.45, bottom=0.55)
    ends = [end for standing in standings for end in standing.ratio[:3] if end is not None]
    low, high = canvas.limits([1, *ends], 1.12)
    for place, (axes, group) in enumerate(zip(frame.panels, shown)):
        axes.set_xscale("log")
        # Room for the numbers on the right.
        axes.set_xlim(low, high * (high / low) ** 0.3)
        axes.set_ylim(len(backends) - 0.5, -0.6)
        canvas.ratio_axis(axes.xaxis, low, high)
        axes.axvline(1, color=canvas.GRAY, linewidth=0.8)
        axes.set_yticks(range(len(backends)), [
            canvas.name(backend_text(name, native)).replace(" (", "\n(") for name in backends]
            if place % columns == 0 else [""] * len(backends), fontsize=8)
        axes.tick_params(axis="y", length=0)
        canvas.panel_title(axes, group.keys, panels, columns)
        for standing in group.standings:
            _dot(axes, backends.index(standing.backend), standing, styles)
    frame.figure.text(0.99, 0.01, "geometric mean over the cases that all were timed in; line: "
                      "95% interval (2 to 5 cases: range)", ha="right", va="bottom",
                      fontsize=8, color=canvas.GRAY)
    return Picture("ranking", _alt(shown, panels), canvas.svg(frame.figure))


def _dot(axes: Axes, y: int, standing: Standing, styles: canvas.Styles) -> None:
    look = canvas.look(styles[standing.backend], standing.native)
    ratio = standing.ratio
    if ratio.decided:
        axes.plot([ratio.lo, ratio.hi], [y, y], color=look["color"], linewidth=2)
    axes.plot([ratio.ratio], [y], **look, linestyle="", markersize=6)
    axes.annotate(ratio_text(ratio.ratio), (ratio.hi if ratio.decided else ratio.ratio, y),
                  xytext=(6, 0), textcoords="offset points", va="center", fontsize=8,
                  fontweight="bold" if standing.rank == 1 else "normal")


def _order(shown: list[Group]) -> list[str]:
    """The backends from fast to slow, by their mean over the panels."""
    logs: dict[str, list[float]] = {}
    for group in shown:
        for standing in group.standings:
            logs.setdefault(standing.backend, []).append(math.log(standing.ratio.ratio))
    return sorted(logs, key=lambda name: (statistics.fmean(logs[name]), name))


def _alt(shown: list[Group], panels: list[Keys]) -> str:
    group = shown[0]
    found = sorted(group.standings, key=lambda standing: standing.ratio.ratio)
    values = ", ".join(f"{standing.backend} {ratio_text(standing.ratio.ratio)}"
                       for standing in found)
    return (f"Ranking for {canvas.kind_text(group.keys)}: a dot per backend and pass. "
            f"{title(group.keys, panels, hidden=KIND)}, {cases_text(group)}: "
            f"{values}.")
