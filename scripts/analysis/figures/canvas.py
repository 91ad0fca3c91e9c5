"""What all pictures share: size, fonts, panels, axes, the legend of the backends, and SVG text."""

import contextlib
import io
import math
import re
import textwrap
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

import matplotlib
import pandas
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ..colors import Style
from ..headings import KEYS, KIND, Keys, title
from ..rank import Group
from ..text import backend_text, bytes_text

Styles = dict[str, Style]  # of every backend of the run

WIDTH = 600 / 72  # inches: 600 points, which browsers show as 800 pixels
GRAY = "#555555"
MOST_NAME = 34  # characters
MOST_ACROSS = 5  # entries of a legend
MOST_VECTORS = 500  # more points than this are stored as an image
MOST_POINTS = 3000
RATIOS = [decade * step for decade in (0.01, 0.1, 1, 10, 100, 1000) for step in (1, 2, 5)]
CLOSE_RATIOS = [0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.2, 1.5, 2, 3, 4]
SETTINGS = {
    "svg.hashsalt": "normbench", "svg.fonttype": "path", "path.simplify": False,
    "font.family": "DejaVu Sans", "font.size": 8.5, "axes.titlesize": 9, "axes.labelsize": 9,
    "axes.edgecolor": GRAY, "axes.linewidth": 0.7, "axes.axisbelow": True,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
    "grid.color": "#E2E2E2", "grid.linewidth": 0.6, "lines.markersize": 5, "lines.linewidth": 1.3,
    "xtick.color": GRAY, "ytick.color": GRAY, "xtick.labelcolor": "black",
    "ytick.labelcolor": "black", "figure.facecolor": "white", "savefig.facecolor": "white"}


@contextlib.contextmanager
def style() -> Iterator[None]:
    """The settings under which pictures are drawn, whatever a user's matplotlibrc says."""
    with warnings.catch_warnings(), matplotlib.rc_context():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)
        yield


class Frame(NamedTuple):
    """Panels of a picture, row by row, and the margins around them in inches."""

    figure: Figure
    panels: list[Axes]
    columns: int


def frame(heading: str, count: int, columns: int, height: float, *, left: float = 0.6,
          wide_gap: float = 0.25, high_gap: float = 0.7, bottom: float = 0.95) -> Frame:
    """`count` panels in so many columns, each `height` inches, below a heading."""
    rows = math.ceil(count / columns)
    top = 0.65
    total = top + rows * height + (rows - 1) * high_gap + bottom
    figure = Figure(figsize=(WIDTH, total))
    wide = (WIDTH - left - 0.15 - (columns - 1) * wide_gap) / columns
    panels = [figure.add_axes([
        (left + place % columns * (wide + wide_gap)) / WIDTH,
        1 - (top + (place // columns + 1) * height + place // columns * high_gap) / total,
        wide / WIDTH, height / total]) for place in range(count)]
    figure.text(0.01, 1 - 0.1 / total, name(heading, 110), ha="left", va="top", fontsize=10,
                fontweight="bold")
    return Frame(figure, panels, columns)


def panel_groups(groups: list[Group]) -> list[Keys]:
    """The groups that get a panel: all passes at the most threads, then at the fewest.

    With one number of threads, the second cache state is the second row.
    """
    keys = list({tuple(group.keys.values()): group.keys for group in groups}.values())
    keys = [own for own in keys if own["input"] == keys[0]["input"]]
    first = keys[0]["cache"]
    settings = sorted({(own["cache"] != first, -own["threads"], own["cache"]) for own in keys})
    same = [setting for setting in settings if not setting[0]]
    shown = [settings[0], same[-1] if len(same) > 1 else settings[-1]]
    return [own for setting in dict.fromkeys(shown) for own in keys
            if (-own["threads"], own["cache"]) == setting[1:]]


def same_setting(keys: Keys, other: Keys) -> bool:
    """Whether two groups were measured alike."""
    return all(keys[key] == other[key] for key in ("threads", "cache", "input"))


def rows_of(rows: pandas.DataFrame, keys: Keys) -> pandas.DataFrame:
    """The rows of one group."""
    for key in KEYS:
        rows = rows[rows[key] == keys[key]]
    return rows


def columns_for(keys: Sequence[Keys]) -> int:
    """So many columns that a row of panels holds the passes of one setting, at most three."""
    passes = len({own["pass"] for own in keys})
    return passes if passes <= 3 else 2


def panel_title(axes: Axes, keys: Keys, among: Sequence[Keys], columns: int) -> None:
    """Says above a panel what its group is."""
    text = name(title(keys, among, hidden=KIND), 200)
    axes.set_title("\n".join(textwrap.wrap(text, 96 // columns)), loc="left")


def kind_text(keys: Keys) -> str:
    """`batch norm, f32, ncl`."""
    return f"{keys['norm']} norm, {keys['dtype']}, {keys['layout']}"


def name(text: str, most: int = MOST_NAME) -> str:
    """Text that is drawn as it is: printable, no markup, not too long."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    short = plain if len(plain) <= most else plain[:most - 1] + "…"
    # A leading underscore would hide it from a legend.
    return (" " if short.startswith("_") else "") + short.replace("$", r"\$")


def legend(shown: Frame, backends: Sequence[str], styles: Styles, native: Collection[str] = (),
           extra: Sequence[Line2D] = ()) -> None:
    """The backends below the panels, hollow those in a native layout."""
    handles = [Line2D([], [], linestyle="", **look(styles[backend], backend in native),
                      label=name(backend_text(backend, set(native)), 50))
               for backend in backends]
    handles += extra
    lines = math.ceil(len(handles) / MOST_ACROSS)
    shown.figure.legend(handles=handles, loc="lower center", frameon=False, handletextpad=0.3,
                        columnspacing=1.2, ncol=math.ceil(len(handles) / lines))


def look(own: Style, hollow: bool = False) -> dict[str, str]:
    """Color and marker as arguments of plot()."""
    return {"color": own.color, "marker": own.marker, "markeredgecolor": own.color,
            "markerfacecolor": "white" if hollow else own.color}


def cloud(axes: Axes, x: pandas.Series, y: pandas.Series, own: Style, of: int) -> None:
    """Faint points below all else; `of` is how many the picture has, too many are thinned out."""
    axes.plot(x, y, color=own.color, marker=own.marker, linestyle="", markersize=2.5, alpha=0.35,
              markeredgewidth=0, zorder=1.5, rasterized=of > MOST_VECTORS,
              markevery=math.ceil(of / MOST_POINTS))


def ratio_axis(axis: Axis, low: float, high: float) -> None:
    """Ticks for ratios between two values on an axis that is logarithmic."""
    ticks = RATIOS if high / low > 5 else CLOSE_RATIOS
    _ticks(axis, [tick for tick in ticks if low <= tick <= high],
           lambda value, _: f"{value:g}")


def bytes_axis(axis: Axis, low: float, high: float) -> None:
    """Ticks for sizes in bytes on an axis that is logarithmic."""
    powers = range(math.ceil(math.log2(low)), math.floor(math.log2(high)) + 1)
    step = max(1, math.ceil(len(powers) / 4))
    _ticks(axis, [2 ** power for power in powers if power % step == 0],
           lambda value, _: bytes_text(value))


def _ticks(axis: Axis, values: Sequence[float], form: Callable[[float, int], str]) -> None:
    axis.set_major_locator(FixedLocator(values))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(form))


def limits(values: Sequence[float], margin: float) -> tuple[float, float]:
    """The range of the values with a factor around it."""
    return min(values) / margin, max(values) * margin


def svg(figure: Figure) -> str:
    """The figure as SVG: no date, version or comments, lengths to a hundredth of a point."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", dpi=96, metadata={"Date": None, "Creator": None})
    plain = re.sub(r"<!--.*?-->", "", stream.getvalue(), flags=re.DOTALL)
    return re.sub(r"\n\s*", "\n", re.sub(r"\b([1-9]\d*\.\d\d)\d+", r"\1", plain))
