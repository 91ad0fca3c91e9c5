"""A headless Chromium on pages that pages.js makes: of the reference run, and of runs made up."""

import json
import pathlib
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

HERE = pathlib.Path(__file__).parent


class Page:
    """A page in the browser, driven as a reader does or by the address."""

    def __init__(self, driver: webdriver.Chrome, folder: pathlib.Path) -> None:
        self.driver, self.folder, self.name = driver, folder, ""

    def open(self, name: str, hash_: str = "", width: int = 1280, height: int = 900) -> "Page":
        """The page anew; the console and the list of requests begin here."""
        self.resize(width, height)
        self.driver.get("about:blank")
        # A browser keeps 50 entries, and then counts them wrongly.
        self.driver.execute_cdp_cmd("Page.resetNavigationHistory", {})
        self.driver.get_log("browser")
        self.driver.get_log("performance")
        self.name = name
        self.driver.get(f"file://{self.folder / name}.html{hash_}")
        return self

    def resize(self, width: int, height: int = 900) -> None:
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def drawn(self) -> "Page":
        """Waits until all sections are drawn."""
        self.wait(lambda: not self.has("section > .body:is(:empty, [aria-busy])"))
        return self

    def wait(self, holds: Callable[[], Any]) -> None:
        for _ in range(200):
            if holds():
                return
            time.sleep(0.02)
        raise AssertionError("it did not happen within 4 s")

    def text(self, selector: str) -> str:
        return self.run("return document.querySelector(arguments[0]).textContent", selector)

    def texts(self, selector: str) -> list[str]:
        return self.run("return [...document.querySelectorAll(arguments[0])].map((own) => own.textContent)",
                        selector)

    def has(self, selector: str) -> bool:
        return self.run("return document.querySelector(arguments[0]) !== null", selector)

    def click(self, selector: str) -> None:
        self.run("document.querySelector(arguments[0]).click()", selector)

    def check(self, name: str, value: str) -> None:
        self.click(f'#filters input[name="{name}"][value="{value}"]')

    def type(self, identifier: str, text: str, event: str = "input") -> None:
        self.run("""
            const field = document.getElementById(arguments[0]);
            field.value = arguments[1];
            field.dispatchEvent(new Event(arguments[2]));""", identifier, text, event)

    def keys(self, *names: str) -> None:
        """Presses keys, wherever the focus is."""
        chain = webdriver.ActionChains(self.driver)
        for name in names:
            chain = chain.send_keys(getattr(webdriver.Keys, name))
        chain.perform()

    def values(self, selector: str) -> list[list[float | None]]:
        """The numbers of the body of a table, without its first column and lines that group."""
        return self.run("""
            const found = document.querySelector(arguments[0]);
            return [...found.tBodies[0].rows].filter((line) => !line.matches(".group")).map((line) =>
              [...line.cells].slice(1).map(({ dataset }) => "value" in dataset ? Number(dataset.value) : null));
            """, selector)

    def top(self, selector: str) -> float:
        return self.run("return document.querySelector(arguments[0]).getBoundingClientRect().top", selector)

    def complaints(self) -> list[dict[str, Any]]:
        """What the console got since the last call."""
        return self.driver.get_log("browser")

    def requests(self) -> list[str]:
        """Addresses asked for since the last call."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [message["params"]["request"]["url"] for message in messages
                if message["method"] == "Network.requestWillBeSent"]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The pages, and expected.json."""
    made = tmp_path_factory.mktemp("pages")
    subprocess.run(["node", HERE / "pages.js", made], check=True)
    return made


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
def page(driver: webdriver.Chrome, folder: pathlib.Path) -> Iterator[Page]:
    """Opens pages; nothing may complain, unless the test took the complaints."""
    opened = Page(driver, folder)
    yield opened
    assert opened.complaints() == []
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
