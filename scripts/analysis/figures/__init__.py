"""Draws the pictures of a report as SVG; the same run always gives the same bytes."""

from ..cases import level_times
from ..colors import style_of
from ..errors import UserError
from ..headings import KIND, Keys
from ..rank import Group
from ..runs import Run
from .picture import Picture

MOST_KINDS = 3


def draw(run: Run, groups: list[Group]) -> list[Picture]:
    """The pictures of the first kinds (norm, dtype, layout) of a run, those that have data.

    Raises UserError when matplotlib is not installed.
    """
    try:
        from . import accuracy, canvas, heat, ranking, roofline, scaling
    except ImportError as error:
        raise UserError(f"pictures need matplotlib ({error}): apt-get install "
                        "python3-matplotlib") from None
    backends = set(run.rows["backend"])
    styles = {backend: style_of(backend, backends) for backend in backends}
    pictures = []
    with canvas.style():
        for place, kind in enumerate(kinds(groups)[:MOST_KINDS], start=1):
            own = [group for group in groups if kind_of(group.keys) == kind]
            rows = run.rows[run.rows["timed"]]
            for key, value in zip(KIND, kind):
                rows = rows[rows[key] == value]
            level = rows.assign(median_ns=level_times(rows))
            found = [ranking.draw(own, styles), heat.draw(level, own, styles, run.noise.floor),
                     roofline.draw(rows, own, styles, run), scaling.draw(rows, own, styles),
                     accuracy.draw(level, own, styles)]
            pictures += [picture.numbered(place) for picture in found if picture is not None]
    return pictures


def kinds(groups: list[Group]) -> list[tuple[str, ...]]:
    """What is drawn apart: norm, dtype and layout, in the order of the groups."""
    return list(dict.fromkeys(kind_of(group.keys) for group in groups))


def kind_of(keys: Keys) -> tuple[str, ...]:
    """The norm, dtype and layout of a group."""
    return tuple(keys[key] for key in KIND)
