"""Writes a report as Markdown with pictures (--markdown, the default) or as HTML (--html).

The last RUN is the one that is told in full. What changed since those before it of the same
machine (cpu, cores and isa) is a section; with runs of several machines, these are set side by
side. The report goes beside the last RUN: RUN/report.md with its pictures in the folder
RUN/report, and RUN/report.html. -o names another place; with both formats, the suffix of FILE is
replaced by .md and .html.
"""

import argparse
import os
import pathlib
import shlex
import sys

from . import figures, filters, page, runs
from .errors import FINE, UserError
from .figures.picture import Picture
from .files import make_folder, write_text
from .markdown import render_report, render_summary
from .rank import rank_groups
from .splice import BEGIN, END, link, splice

VERB = "report"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this verb."""
    parser.add_argument("runs", metavar="RUN", nargs="+",
                        help="folders that 'normbench run' wrote")
    parser.add_argument("--html", action="store_true", help="write an interactive page")
    parser.add_argument("--markdown", action="store_true",
                        help="write Markdown and pictures, which is the default")
    parser.add_argument("-o", "--output", metavar="FILE", help="default: RUN/report.md or .html")
    parser.add_argument("--splice", metavar="FILE",
                        help=f"also put a summary between {BEGIN} and {END} of this file")
    filters.add_arguments(parser)


def main(options: argparse.Namespace) -> int:
    """Writes the reports and prints their paths; returns the exit code.

    All is rendered before anything is written.
    """
    found = [filters.apply(runs.load(path), options) for path in options.runs]
    command = os.environ.get("NORMBENCH_COMMAND",
                             shlex.join(["normbench", "report", *map(str, options.runs)]))
    outputs = output_paths(found[-1].path, options)
    ranked = [(run, rank_groups(run)) for run in found]
    texts: dict[pathlib.Path, str] = {}
    pictures: list[Picture] = []
    folder = None
    if "markdown" in outputs:
        path = outputs["markdown"]
        # Nothing can lie beside a pipe or a device.
        if os.path.isfile(path) or not os.path.exists(path):
            pictures = figures.draw(*ranked[-1])
            folder = path.with_suffix("" if path.suffix else ".pictures")
        texts[path] = render_report(ranked, pictures, folder.name if folder else "", command)
    if "html" in outputs:
        texts[outputs["html"]] = page.render_page(found, command)
    if options.splice:
        target = pathlib.Path(options.splice)
        spliced = splice(target, render_summary(
            *ranked[-1], link(target, next(iter(texts))), next(iter(pictures), None),
            link(target, folder) if folder else None))
    if pictures:
        make_folder(folder)
        for picture in pictures:
            write_text(folder / picture.file_name, picture.svg)
    for path, text in texts.items():
        write_text(path, text)
        print(path)
    if options.splice:
        write_text(target, spliced)
        print(f"spliced a summary into {target}", file=sys.stderr)
    return FINE


def output_paths(run: pathlib.Path, options: argparse.Namespace) -> dict[str, pathlib.Path]:
    """Where each format goes: `markdown`, `html` or both."""
    suffixes = {"markdown": ".md", "html": ".html"}
    chosen = [form for form in suffixes if getattr(options, form)] or ["markdown"]
    if options.output and len(chosen) == 1:
        return {chosen[0]: pathlib.Path(options.output)}
    base = pathlib.Path(options.output or run / "report.md")
    if not base.name:
        raise UserError(f"-o {options.output} names no file: name one, such as report.html")
    return {form: base.with_suffix(suffixes[form]) for form in chosen}
