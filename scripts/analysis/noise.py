"""What the A/A control of a run says: one backend measured twice in the same rounds."""

from typing import Any, NamedTuple, Optional

import pandas
import scipy.stats

from .intervals import are_times, noise_floor, paired_ratio


class Noise(NamedTuple):
    """`floor` is a ratio >= 1; `cases` have an A/A interval, `excluding` of them exclude 1."""

    floor: float
    measured: bool
    cases: int
    excluding: int

    @property
    def suspicious(self) -> bool:
        """Whether more intervals exclude 1 than the 5% by design explain (1% level)."""
        return self.excluding > scipy.stats.binom.ppf(0.99, self.cases, 0.05)


def measure(rows: pandas.DataFrame, controls: list[dict[str, Any]],
            recorded: Optional[dict[str, Any]]) -> Noise:
    """The noise of a run. A floor recorded in run.json counts before one recomputed here."""
    samples = {(row["case"], row["backend"]): row["samples_ns"]
               for row in rows[rows["timed"]].to_dict("records")}
    twins = []
    for control in controls:
        first = samples.get((str(control.get("case")), str(control.get("twin"))))
        second = control.get("twin_samples_ns")
        if first and second and are_times(second):
            twins.append(paired_ratio(second, first))
    decided = [twin for twin in twins if twin.decided]
    floor = recorded.get("floor") if isinstance(recorded, dict) else None
    usable = isinstance(floor, (int, float)) and floor >= 1
    return Noise(
        floor=float(floor) if usable else noise_floor(twins),
        measured=usable or bool(twins),
        cases=len(decided),
        excluding=sum(not twin.lo <= 1 <= twin.hi for twin in decided))
