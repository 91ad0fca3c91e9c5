"""Groups of like cases: what keeps cases apart, in which order groups come, how they are called."""

from collections.abc import Sequence
from typing import Any

import pandas

Keys = dict[str, Any]

# Cases that differ in one of these never count together.
KEYS = ["norm", "pass", "dtype", "layout", "threads", "cache", "input"]
# The kind of work; within a kind a group is a pass, threads and a cache state.
KIND = ["norm", "dtype", "layout"]
# The norm that is the identity: what the others are measured against.
CONTROL = "none"
MOST_USED_INPUT = "random"
MOST_USED = {"norm": "batch", "dtype": "f32", "layout": "ncl"}


def like_cases(rows: pandas.DataFrame) -> list[tuple[Keys, pandas.DataFrame]]:
    """The rows in groups of equal KEYS: what is used most first, the control last, else as run."""
    groups = [(dict(zip(KEYS, values)), own) for values, own in rows.groupby(KEYS, sort=False)]
    seen = {key: list(dict.fromkeys(keys[key] for keys, _ in groups)) for key in KIND}

    def place(group: tuple[Keys, pandas.DataFrame]) -> list[int]:
        keys = group[0]
        order = [-1 if keys[key] == MOST_USED[key] else seen[key].index(keys[key])
                 for key in KIND]
        return [int(keys["norm"] == CONTROL), *order]

    return sorted(groups, key=place)


def title(keys: Keys, among: Sequence[Keys], hidden: Sequence[str] = ()) -> str:
    """What a group is, in words: its pass and threads, and what else differs in `among`."""
    shown = [key for key in KEYS if key not in hidden and (
        key in ("pass", "threads") or differs(key, among))]
    words = {key: str(keys[key]) for key in shown}
    if "threads" in words:
        words["threads"] = threads_text(keys["threads"])
    if "input" in words:
        words["input"] += " input"
    if "norm" in words and "pass" in words:
        words["pass"] = f"{words.pop('norm')} {words['pass']}"
    return ", ".join(words.values())


def full_title(keys: Keys) -> str:
    """Every part of what the group is."""
    usual = keys["input"] == MOST_USED_INPUT
    return (f"{keys['norm']} {keys['pass']}, {keys['dtype']}, {keys['layout']}, "
            f"{threads_text(keys['threads'])}, {keys['cache']}"
            + ("" if usual else f", {keys['input']} input"))


def kind_title(keys: Keys, among: Sequence[Keys]) -> str:
    """What of the kind differs in `among`: `layer norm in f32 and ncl`; empty when nothing does."""
    storage = " and ".join(str(keys[key]) for key in KIND if key != "norm" and differs(key, among))
    if not differs("norm", among):
        return storage
    return f"{keys['norm']} norm" + (f" in {storage}" if storage else "")


def differs(key: str, among: Sequence[Keys]) -> bool:
    """Whether the groups are not all the same in this."""
    return len({keys[key] for keys in among}) > 1


def differing(rows: pandas.DataFrame, keys: Sequence[str]) -> list[str]:
    """Those columns of `keys` in which the rows are not all the same."""
    return [key for key in keys if rows[key].nunique() > 1]


def threads_text(threads: int) -> str:
    """`1 thread`, `2 threads`."""
    return f"{threads} thread" + ("s" if threads != 1 else "")
