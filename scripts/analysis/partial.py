"""Says how many of its cases a run measured, and why not all."""

import re
from collections.abc import Collection
from typing import Any

# A warning of runs that do not record their budget.
BUDGET_WARNING = re.compile(r"the budget of .+? was used up")


def partial_text(meta: dict[str, Any], measured: Collection[str]) -> str:
    """One sentence on a run that did not measure all its cases; empty when it did.

    `meta` is run.json and `measured` has the ids of the cases with rows. Older runs have only the
    number of planned cases.
    """
    ids = meta.get("case_ids")
    planned = list(dict.fromkeys(map(str, ids))) if isinstance(ids, list) else []
    total = len(planned) or meta.get("cases")
    if isinstance(total, bool) or not isinstance(total, int):
        return ""
    count = sum(case in measured for case in planned) if planned else len(measured)
    if count >= total:
        return ""
    cases = "case was" if total == 1 else "cases were"
    missing = _missing(planned, measured)
    return (f"{count} of {total} {cases} measured, {_why(meta)}"
            + (f"; there is no case {missing}." if count and missing else "."))


def is_told(warning: str) -> bool:
    """Whether a warning says what the sentence says."""
    return BUDGET_WARNING.match(warning) is not None


def _why(meta: dict[str, Any]) -> str:
    if meta.get("interrupted"):
        return "because the run was interrupted"
    if not meta.get("finished"):
        return "because the run did not finish"
    budget = meta.get("budget_s")
    if isinstance(budget, (int, float)):
        return f"because the budget of {budget:g} s was used up"
    for warning in map(BUDGET_WARNING.match, map(str, meta.get("warnings") or [])):
        if warning:
            return f"because {warning.group()}"
    return "and the rows of the others are missing"


def _missing(planned: Collection[str], measured: Collection[str]) -> str:
    """The norms, passes and threads of which no case was measured at all: `of rms norm`."""
    wanted, found = _parts(planned), _parts(measured)
    norms, passes, threads = ({key(parts) for parts in wanted} - {key(parts) for parts in found}
                              for key in (lambda parts: parts[0], lambda parts: parts[:2],
                                          lambda parts: parts[2]))
    names = [f"of {norm} norm" for norm in sorted(norms)]
    names += [f"of {norm} {name}" for norm, name in sorted(passes) if norm not in norms]
    names += [f"with {count} thread{'s' if count != '1' else ''}"
              for count in sorted(threads, key=lambda count: (len(count), count))]
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _parts(cases: Collection[str]) -> list[tuple[str, str, str]]:
    """Norm, pass and threads of each id: `batch/backward/f32/ncl/n8_c8_l1/t2/warm`."""
    split = [case.split("/") for case in cases]
    return [(parts[0], parts[1], parts[5].removeprefix("t")) for parts in split if len(parts) == 7]
