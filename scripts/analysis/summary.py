"""The ranking in one table, a row per group over all its regimes, and what of it fits a README."""

from .headings import KEYS, Keys, title
from .rank import Group, cases_text
from .text import backend_text, escape, markdown_table, ratio_text

MOST_ROWS = 25
FAR = 5


def whole_groups(groups: list[Group]) -> list[Group]:
    """The entry of each group that covers all of its regimes."""
    seen, whole = [], []
    for group in groups:
        if group.keys not in seen:
            seen.append(group.keys)
            whole.append(group)
    return whole


def summary_table(shown: list[Group], whole: list[Group]) -> str:
    """One row per group shown, of the `whole` run: geometric mean ratio to the best per backend."""
    standings = [standing for group in shown for standing in group.standings]
    native = {standing.backend for standing in standings if standing.native}
    backends = sorted({standing.backend for standing in standings})
    among = [group.keys for group in whole]
    body = []
    for group in shown:
        own = {standing.backend: standing for standing in group.standings}
        row = []
        for backend in backends:
            standing = own.get(backend)
            text = ratio_text(standing.ratio.ratio) if standing else "-"
            row.append(f"**{text}**" if standing and standing.rank == 1 else text)
        body.append([escape(title(group.keys, among)), cases_text(group), *row])
    return markdown_table(
        ["", "cases", *(escape(backend_text(name, native)) for name in backends)], body)


def most_telling(whole: list[Group], most: int = MOST_ROWS) -> list[Group]:
    """All groups if there are no more than so many, else those around the first kind that fit.

    These are, in this order but returned in that of `whole`: the first kind at the most threads,
    the same with other threads and cache states, other norms, and its other dtypes and layouts.
    All passes of such a block are kept or none.
    """
    if len(whole) <= most:
        return whole
    threads = max(group.keys["threads"] for group in whole
                  if _differ(group.keys, whole[0].keys) <= {"threads", "cache", "input"})
    first = next(group.keys for group in whole if group.keys["threads"] == threads)
    blocks: dict[tuple[object, ...], list[Group]] = {}
    for group in sorted(whole, key=lambda group: _distance(group.keys, first)):
        if _distance(group.keys, first) < FAR:
            block = tuple(group.keys[key] for key in KEYS if key != "pass")
            blocks.setdefault(block, []).append(group)
    kept: list[Group] = []
    for block in blocks.values():
        if kept and len(kept) + len(block) > most:
            break
        kept += block
    return [group for group in whole if group in kept]


def _differ(keys: Keys, others: Keys) -> set[str]:
    return {key for key in KEYS if key != "pass" and keys[key] != others[key]}


def _distance(keys: Keys, first: Keys) -> int:
    """How little a group has to do with the first, whatever its pass."""
    parts = _differ(keys, first)
    if parts <= {"threads", "cache", "input"}:
        return len(parts)
    if parts == {"norm"}:
        return 3
    return 4 if parts <= {"dtype", "layout"} else FAR
