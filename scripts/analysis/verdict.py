"""Says in one or two sentences of plain English what the ranking of a run amounts to."""

from collections import Counter

from .headings import CONTROL, KIND, kind_title, threads_text, title
from .rank import ALL, Group
from .text import code, escape, ratio_text

MOST_PARTS = 8
MOST_TOPS = 2
MOST_NAMES = 4
Leaders = tuple[str, ...]
Pattern = tuple[tuple[Leaders, tuple[str, ...]], ...]


def verdicts(groups: list[Group]) -> list[str]:
    """One text per norm, dtype and layout, in the order of the result of rank_groups.

    Who leads for which kind of shape and by how much. The control is not judged beside norms.
    """
    groups = [group for group in groups if group.regime != ALL or _alone(group, groups)]
    judged = [group for group in groups if group.keys["norm"] != CONTROL] or groups
    kinds: dict[tuple[str, ...], list[Group]] = {}
    for group in judged:
        kinds.setdefault(tuple(group.keys[key] for key in KIND), []).append(group)
    among = [group.keys for group in judged]
    return [_verdict(own, escape(kind_title(own[0].keys, among))) for own in kinds.values()] or [
        "Nothing was timed in this run."]


def _verdict(groups: list[Group], kind: str) -> str:
    backends = {standing.backend for group in groups for standing in group.standings}
    native = {standing.backend for group in groups for standing in group.standings
              if standing.native}
    text = " ".join([*_opening(len(backends - native), bool(native), kind),
                     *_by_threads(groups), *_native_sentence(groups, native)])
    return text[0].upper() + text[1:]


def _opening(rivals: int, beside_native: bool, kind: str) -> list[str]:
    subject = [f"for {kind},"] if kind else []
    if rivals <= 1:
        return [*subject, "with a single backend in this run there is nothing to compare:"]
    timed = "timed " if kind else ""
    scope = " that take the data as it is" if beside_native else ""
    return [*subject, f"of the {rivals} backends {timed}in this run{scope},"]


def _alone(group: Group, groups: list[Group]) -> bool:
    return sum(other.keys == group.keys for other in groups) == 1


def _by_threads(groups: list[Group]) -> list[str]:
    counts = sorted({group.keys["threads"] for group in groups}, reverse=True)
    patterns = {count: _patterns([group for group in groups if group.keys["threads"] == count])
                for count in {counts[0], counts[-1]}}
    most, fewest = counts[0], counts[-1]
    if sum(len(pattern) + len(members) - 1 for found in patterns.values()
           for pattern, members in found.items()) > MOST_PARTS:
        return [_tally(groups)]
    sentences = [f"with {threads_text(most)}, {_clauses(patterns[most])}."]
    if fewest != most:
        if _outline(patterns[fewest]) == _outline(patterns[most]):
            sentences.append(f"With {threads_text(fewest)} the same backends lead.")
        else:
            sentences.append(f"With {threads_text(fewest)}, {_clauses(patterns[fewest])}.")
    return sentences


def _patterns(groups: list[Group]) -> dict[Pattern, list[tuple[str, list[Group]]]]:
    """Labels (pass and what else differs) with their groups, collected by who leads where."""
    labels: dict[str, list[Group]] = {}
    among = [group.keys for group in groups]
    for group in groups:
        label = escape(title(group.keys, among, hidden=("threads",)).replace(", ", " "))
        labels.setdefault(label, []).append(group)
    patterns: dict[Pattern, list[tuple[str, list[Group]]]] = {}
    for label, members in labels.items():
        regimes: dict[Leaders, list[str]] = {}
        for group in members:
            regimes.setdefault(_leaders(group), []).append(escape(group.regime))
        key = tuple((leaders, tuple(names)) for leaders, names in regimes.items())
        patterns.setdefault(key, []).append((label, members))
    return patterns


def _leaders(group: Group) -> Leaders:
    return tuple(sorted(standing.backend for standing in group.leaders))


def _outline(patterns: dict[Pattern, list[tuple[str, list[Group]]]]) -> set[tuple[Pattern, str]]:
    return {(pattern, label) for pattern, members in patterns.items() for label, _ in members}


def _clauses(patterns: dict[Pattern, list[tuple[str, list[Group]]]]) -> str:
    clauses = []
    for pattern, members in patterns.items():
        labels = _list([label for label, _ in members])
        groups = [group for _, own in members for group in own]
        parts = [_part(leaders, regimes if len(pattern) > 1 else (),
                       [group for group in groups if _leaders(group) == leaders])
                 for leaders, regimes in pattern]
        clauses.append(f"for {labels} {', '.join(parts)}")
    return "; ".join(clauses)


def _part(leaders: Leaders, regimes: tuple[str, ...], groups: list[Group]) -> str:
    where = f" in {_list(regimes)}" if regimes else ""
    if len(leaders) > 1:
        names = (_list([code(name) for name in leaders]) if len(leaders) <= MOST_NAMES
                 else f"{len(leaders)} backends")
        return f"it is undecided between {names}{where}"
    margins = [margin for group in groups for margin in _margin(group)]
    if not margins:
        return f"only {code(leaders[0])} is ranked{where}"
    return (f"{code(leaders[0])} is fastest{where} "
            f"(the next takes {_range(margins)} times as long)")


def _margin(group: Group) -> list[float]:
    behind = [standing.ratio.ratio for standing in group.standings
              if standing.rank and standing.rank > 1]
    return [min(behind) / group.leaders[0].ratio.ratio] if behind else []


def _tally(groups: list[Group]) -> str:
    """Per pass who is at the top how often, for a picture too mixed to be told group by group."""
    passes: dict[str, list[Group]] = {}
    for group in groups:
        passes.setdefault(group.keys["pass"], []).append(group)
    clauses = [f"for {escape(name)} {_tops(own)}" for name, own in passes.items()]
    return (f"{'; '.join(clauses)}. At the top: the fastest, or not to be told apart from it, "
            "in a group of like cases in the ranking below.")


def _tops(groups: list[Group]) -> str:
    top = Counter(standing.backend for group in groups for standing in group.leaders)
    alone = Counter(group.leaders[0].backend for group in groups if len(group.leaders) == 1)
    names = sorted(top, key=lambda name: (-top[name], -alone[name], name))[:MOST_TOPS]
    parts = [f"{code(name)} is at the top in {top[name]} (alone in {alone[name]})"
             for name in names]
    return f"{_list(parts)} of {len(groups)} groups"


def _native_sentence(groups: list[Group], native: set[str]) -> list[str]:
    parts = []
    for backend in sorted(native):
        ratios = [standing.ratio.ratio for group in groups for standing in group.standings
                  if standing.backend == backend and standing.native]
        parts.append(f"{code(backend)} takes {_range(ratios)} times as long as the best of these")
    if not parts:
        return []
    return [f"If your data is already blocked in the library's own layout, {_list(parts)} "
            "(the conversion is not timed)."]


def _range(ratios: list[float]) -> str:
    low, high = ratio_text(min(ratios)), ratio_text(max(ratios))
    return low if low == high else f"{low} to {high}"


def _list(names: list[str] | tuple[str, ...]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
