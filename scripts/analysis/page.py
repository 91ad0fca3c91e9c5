"""Renders runs as one HTML file that works offline: data, styles, scripts and Chart.js inlined.

The page computes every number from the raw samples in it, so that its filters give what the
analysis gives on filtered rows. Only quantiles, and texts that no filter changes, come from here.
"""

import base64
import hashlib
import json
import math
import pathlib
from collections.abc import Sequence
from typing import Any

import jinja2
import markupsafe
import pandas

from . import facts, shapes
from .colors import style_of
from .errors import UserError
from .intervals import sign_test_rank, student_quantile
from .runs import Run

PAGE = pathlib.Path(__file__).parent / "page"
CHART = pathlib.Path("/usr/share/javascript/chart.js/chart.min.js")
# In the order in which they need each other.
SCRIPTS = ["statistics", "text", "data", "headings", "rank", "verdict", "filters", "state", "dom",
           "tables", "charts", "summary", "ranking", "changes", "lookup", "roofline", "heat",
           "scaling", "cliffs", "accuracy", "price", "rows", "gaps", "method", "bar", "main"]
# Columns with few values are stored as indices into a list of these.
NAMES = ["problem", "case", "backend", "norm", "pass", "dtype", "layout", "name", "cache",
         "input", "regime", "outcome", "reason", "detail", "grade"]
NUMBERS = ["n", "c", "l", "batch", "groups", "threads", "native_layout", "iterations", "copy_ns",
           "read_ns", "bound_ns", "bytes", "error", "allocations", "prepare_ns", "cpus",
           "preempted", "faults"]


def render_page(found: Sequence[Run], command: str) -> str:
    """The page for one or more runs; it opens on the last. `command` made it, and is shown.

    Raises UserError when Chart.js is not installed.
    """
    style = (PAGE / "page.css").read_text(encoding="utf-8")
    scripts = [_chart(), "\n".join((PAGE / f"{name}.js").read_text(encoding="utf-8")
                                   for name in SCRIPTS)]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(PAGE), undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, autoescape=True)
    return environment.get_template("page.html.j2").render(
        title=_name(found[-1]), data=markupsafe.Markup(_json(_data(found, command))),
        style=markupsafe.Markup(style), style_hash=_hash(style),
        scripts=[markupsafe.Markup(script) for script in scripts],
        script_hashes=[_hash(script) for script in scripts])


def _chart() -> str:
    try:
        return CHART.read_text(encoding="utf-8")
    except OSError:
        raise UserError(f"{CHART} is missing, install the package libjs-chart.js "
                        "or run scripts/setup") from None


def _hash(text: str) -> str:
    """What a Content-Security-Policy calls an inline script or style by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _json(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _data(found: Sequence[Run], command: str) -> dict[str, Any]:
    rounds = max(run.rows["samples_ns"].map(len).max() for run in found)
    cases = max(run.rows["case"].nunique() for run in found)
    backends = sorted({backend for run in found for backend in run.rows["backend"]})
    return {"command": command,
            "sign_test_ranks": [sign_test_rank(count) for count in range(rounds + 1)],
            "student_quantiles": [0.0, 0.0, *(student_quantile(count)
                                              for count in range(2, cases + 1))],
            "item_bytes": shapes.ITEM_BYTES,
            "styles": {backend: style_of(backend, backends)._asdict() for backend in backends},
            "runs": [_run(run) for run in found]}


def _run(run: Run) -> dict[str, Any]:
    config = run.section("config")
    warnings = [*run.all_warnings(), *shapes.above_ceiling(run)]
    return _plain({
        "name": _name(run), "path": str(run.path), "started": run.meta.get("started"),
        "machine": run.section("machine"), "build": run.section("build"),
        "environment": run.section("environment"), "config": config.get("path"),
        "analysis": str(config.get("analysis") or "").strip(),
        "backends": run.meta.get("backends") or [], "ceilings": run.meta.get("ceilings") or [],
        "floor": run.noise.floor, "noise": facts.noise_text(run), "measured": run.noise.measured,
        "verified": facts.verified_text(run), "warnings": warnings, "partial": run.partial,
        "command": facts.command_line(run), "count": len(run.rows),
        "names": {key: _names(run.rows[key]) for key in NAMES},
        "numbers": {key: run.rows[key].tolist() for key in NUMBERS},
        "samples": run.rows["samples_ns"].tolist(), "accuracy": run.rows["accuracy"].tolist(),
        "known_defects": run.rows["known_defect"].tolist()})


def _name(run: Run) -> str:
    return str(run.meta.get("name") or run.path.name)


def _names(column: pandas.Series) -> dict[str, list[Any]]:
    codes, values = pandas.factorize(column)
    return {"values": list(values), "codes": codes.tolist()}


def _plain(value: Any) -> Any:
    """The value with what JSON cannot hold, NaN and infinity, as null."""
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
