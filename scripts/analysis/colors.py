"""The one place that says how a backend looks: the same color and marker in every picture."""

from collections.abc import Iterable
from typing import NamedTuple

# Okabe and Ito's colors, which people with any color vision tell apart; yellow, which is faint on
# white, is last.
PALETTE = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000", "#F0E442"]
MARKERS = ["o", "s", "^", "D", "v", "X", "P", "p", "<", ">", "h"]
# Place in PALETTE and MARKERS of the backends that come with the project.
KNOWN = {"simd": 0, "onednn": 1, "openmp": 2, "aten": 3, "onednn-blocked": 4, "eigen": 5,
         "naive": 6}


class Style(NamedTuple):
    """A color as #RRGGBB and a marker of matplotlib."""

    color: str
    marker: str


def style_of(backend: str, among: Iterable[str]) -> Style:
    """The style of a backend beside others.

    Known backends always have theirs. The others get, in the order of their names, what the known
    ones among them leave free; when all colors are taken they repeat, with other markers.
    """
    if backend in KNOWN:
        return Style(PALETTE[KNOWN[backend]], MARKERS[KNOWN[backend]])
    names = set(among) | {backend}
    taken = {KNOWN[name] for name in names & set(KNOWN)}
    free = [place for place in range(len(PALETTE)) if place not in taken] or [len(PALETTE) - 1]
    place = sorted(names - set(KNOWN)).index(backend)
    return Style(PALETTE[free[place % len(free)]], MARKERS[(len(KNOWN) + place) % len(MARKERS)])
