"""A headless Chromium on pages of synthesised runs and of the reference run."""

import importlib.util
import json
import pathlib
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

ROOT = pathlib.Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "results" / "reference"


def _synthesis() -> types.ModuleType:
    """What the tests of the analysis synthesise runs with; it also puts scripts/ on the path."""
    place = ROOT / "tests" / "analysis" / "conftest.py"
    specification = importlib.util.spec_from_file_location("synthesis", place)
    module = importlib.util.module_from_spec(specification)
    sys.modules["synthesis"] = module
    specification.loader.exec_module(module)
    return module


synthesis = _synthesis()


class Page:
    """A page in the browser, driven as a reader does or by the address."""

    def __init__(self, driver: webdriver.Chrome, path: pathlib.Path) -> None:
        self.driver, self.path = driver, path

    def open(self, hash_: str = "") -> "Page":
        self.driver.get("about:blank")
        self.driver.get(f"file://{self.path}{hash_}")
        return self

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def show_all(self) -> "Page":
        """Renders all sections and opens everything that is folded."""
        self.run("[...stale].forEach(renderSection); openAll();")
        return self

    def text(self, selector: str) -> str:
        return self.run("return document.querySelector(arguments[0]).textContent", selector)

    def check(self, facet: str, value: str) -> None:
        self.run("document.querySelector(`#bar input[name=\"${arguments[0]}\"][value=\"${"
                 "CSS.escape(arguments[1])}\"]`).click()", facet, value)

    def type(self, identifier: str, text: str, event: str = "input") -> None:
        self.run("""
            const field = document.getElementById(arguments[0]);
            field.value = arguments[1];
            field.dispatchEvent(new Event(arguments[2]));""", identifier, text, event)

    def click(self, selector: str) -> None:
        self.run("document.querySelector(arguments[0]).click()", selector)

    def ranking(self) -> list[dict[str, Any]]:
        """The tables of the ranking as shown, in full precision."""
        self.show_all()
        return self.run("""
            const number = (text) => (text === undefined ? null : Number(text));
            return [...document.querySelectorAll("#ranking table.standings")].map((table) => ({
              keys: JSON.parse(table.dataset.group), regime: table.dataset.regime,
              caption: table.caption.textContent,
              standings: [...table.tBodies[0].rows].map(({ cells }) => ({
                backend: cells[1].dataset.backend, rank: cells[0].textContent,
                ratio: number(cells[2].dataset.value), lo: number(cells[2].dataset.lo),
                hi: number(cells[2].dataset.hi), count: number(cells[2].dataset.count),
                wins: cells[3].textContent, worst: number(cells[4].dataset.value),
                worst_case: cells[5].title.split(",")[0]})),
            }));""")

    def complaints(self) -> list[dict[str, Any]]:
        """What the console got since the last call."""
        return self.driver.get_log("browser")

    def requests(self) -> list[str]:
        """Addresses asked for since the last call."""
        messages = [json.loads(entry["message"])["message"]
                    for entry in self.driver.get_log("performance")]
        return [message["params"]["request"]["url"] for message in messages
                if message["method"] == "Network.requestWillBeSent"]


@pytest.fixture(scope="session")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="session")
def driver(downloads: pathlib.Path) -> Iterator[webdriver.Chrome]:
    options = Options()
    # The driver is on this machine.
    options.ignore_local_proxy_environment_variables()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     "--window-size=1280,900"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    started.execute_cdp_cmd("Browser.setDownloadBehavior",
                            {"behavior": "allow", "downloadPath": str(downloads)})
    yield started
    started.quit()


@pytest.fixture
def make_page(driver: webdriver.Chrome, tmp_path: pathlib.Path) -> Callable[..., Page]:
    """A page of runs, given as objects or folders, opened in the browser."""
    def make(*found: Any, hash_: str = "") -> Page:
        from analysis import page, runs
        loaded = [runs.load(str(run)) if isinstance(run, pathlib.Path) else run for run in found]
        path = tmp_path / "report.html"
        path.write_text(page.render_page(loaded, "normbench report run --html"), encoding="utf-8")
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        driver.get_log("browser")
        driver.get_log("performance")
        return Page(driver, path).open(hash_)
    return make


@pytest.fixture
def mixed(tmp_path: pathlib.Path) -> Any:
    """A run with two values or more of every facet, a native layout, gaps, and ties."""
    return synthesis.load(tmp_path, mixed_rows(), started="2026-11-24T10:00:00Z")


def mixed_rows() -> list[dict[str, Any]]:
    factors = {"naive": 3.0, "openmp": 1.0, "simd": 1.003, "blocked": 0.7, "late": 1.4}
    shapes = [(64, 64, 1, "L1"), (64, 256, 1, "L1"), (256, 256, 1, "L2"), (512, 512, 1, "L2"),
              (32, 64, 100, "L2"), (32, 128, 500, "L3"), (32, 512, 835, "DRAM"),
              (16, 1024, 700, "DRAM"), (8, 300, 1200, "DRAM")]
    kinds = [("batch", "f32", "ncl", "warm"), ("layer", "f32", "ncl", "warm"),
             ("none", "f32", "ncl", "warm"), ("batch", "bf16", "ncl", "warm"),
             ("batch", "f32", "nlc", "warm"), ("batch", "f32", "ncl", "cold")]
    rows = []
    for norm, dtype, layout, cache in kinds:
        for pass_ in ("forward_training", "backward"):
            for threads in (1, 2):
                for index, (n, c, l, regime) in enumerate(shapes):
                    for backend, factor in factors.items():
                        place = {"norm": norm, "pass_": pass_, "dtype": dtype, "layout": layout,
                                 "threads": threads, "cache": cache, "n": n, "c": c, "l": l,
                                 "regime": regime, "name": f"shape-{index}"}
                        rows.append(_mixed_row(backend, factor, index, place))
    return rows


def _mixed_row(backend: str, factor: float, index: int, place: dict[str, Any]) -> dict[str, Any]:
    if backend == "late" and index % 3:
        return synthesis.make_gap(backend, "unsupported", 'needs "much", and more', **place)
    if backend == "naive" and place["norm"] == "layer" and index == 4:
        return synthesis.make_gap(backend, "failed", "y is off", **place)
    elements = place["n"] * place["c"] * place["l"]
    if backend == "simd" and place["l"] > 1:
        factor = 0.8 if place["pass_"] == "backward" else 1.3
    base = 0.1 * elements * factor / place["threads"] + 500
    return synthesis.make_row(backend, base, jitter=0.03, native_layout=backend == "blocked",
                              rounds=10 + index % 4, **place)
