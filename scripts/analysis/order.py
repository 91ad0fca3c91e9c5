"""The order of rows in tables, for runs that measure their cases in a mixed order."""

from typing import Any

KNOWN = {
    "norm": ("batch", "layer", "instance", "group", "rms", "none"),
    "dtype": ("f32", "f64", "bf16", "f16"), "layout": ("ncl", "nlc"), "cache": ("warm", "cold"),
    "input": ("random", "exact", "ill_conditioned", "constant", "large", "tiny", "denormal", "spiky",
              "zero"),
    "pass": ("forward_training", "forward_inference", "backward", "backward_inference"),
}
SHAPE = ("n", "c", "l", "batch", "groups")


def place(row: dict[str, Any]) -> tuple[Any, ...]:
    """Where a row belongs: what is used most first, most threads first, small shapes first."""
    def known(key: str) -> tuple[int, str]:
        names = KNOWN[key]
        return (names.index(row[key]) if row[key] in names else len(names), row[key])
    return (known("norm"), known("dtype"), known("layout"), -row["threads"], known("cache"),
            known("input"), known("pass"), row["n"] * row["c"] * row["l"], *(row[key] for key in SHAPE),
            row["case"])
