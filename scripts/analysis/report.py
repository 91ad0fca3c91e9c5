"""Writes a report of a run as Markdown: verdict, ranking, shapes, cliffs, accuracy, method."""

import argparse
import os
import pathlib
import subprocess
import sys

import jinja2

from . import facts, filters, page, runs, shapes
from .accuracy import accuracy
from .errors import FINE, UserError
from .files import write_text
from .headings import full_title
from .price import price
from .rank import ALL, HEADER, Group, cases_text, cells, left_out_lines, rank_groups
from .summary import most_telling, summary_table, whole_groups
from .text import Section, code, escape, markdown_table
from .verdict import verdicts

VERB = "report"
BEGIN = "<!-- normbench:begin -->"
END = "<!-- normbench:end -->"
TEMPLATES = pathlib.Path(__file__).parent / "templates"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this verb."""
    parser.add_argument("run", metavar="RUN", nargs="+",
                        help="folder that 'normbench run' wrote")
    parser.add_argument("--html", action="store_true", help="write a page for the browser")
    parser.add_argument("-o", "--output", metavar="FILE", help="default: RUN/report.md, or .html")
    parser.add_argument("--splice", metavar="FILE",
                        help=f"also put a summary between {BEGIN} and {END} of this file")
    filters.add_arguments(parser)


def main(options: argparse.Namespace) -> int:
    """Writes the report and prints its path; returns the exit code."""
    found = [filters.apply(runs.load(path), options) for path in options.run]
    run = found[-1]
    if options.html:
        output = pathlib.Path(options.output or run.path / "report.html")
        write_text(output, page.render_page(found, _command(run)))
        print(output)
        return FINE
    output = pathlib.Path(options.output or run.path / "report.md")
    groups = rank_groups(run)
    spliced = None
    if options.splice:
        target = pathlib.Path(options.splice)
        spliced = splice(target, render_summary(run, groups, _link(target, output)))
    write_text(output, render_report(run, groups))
    if spliced is not None:
        write_text(target, spliced)
        print(f"spliced a summary into {target}", file=sys.stderr)
    print(output)
    return FINE


def render_report(run: runs.Run, groups: list[Group]) -> str:
    """The full report as Markdown."""
    whole = whole_groups(groups)
    return _template("report.md.j2").render(
        run=run, name=run.meta.get("name") or run.path.name,
        verdicts=verdicts(groups), machine=facts.machine_facts(run),
        analysis=_prose(run), config=facts.config_line(run),
        ceilings=facts.ceilings(run),
        summary=summary_table(whole, whole), rankings=_rankings(groups),
        named=shapes.named_sections(run), cliffs=shapes.cliffs(run),
        threads=shapes.thread_scaling(run), batches=shapes.batch_scaling(run),
        price=price(run), accuracy=accuracy(run), costs=facts.costs(run), gaps=facts.gaps(run),
        warnings=[*(run.meta.get("warnings") or []), *run.warnings, *shapes.above_ceiling(run)],
        run_command=facts.command_line(run),
        report_command=_command(run))


def _command(run: runs.Run) -> str:
    return os.environ.get("NORMBENCH_COMMAND", f"normbench report {run.path}")


def render_summary(run: runs.Run, groups: list[Group], link: str | None) -> str:
    """The compact version for a README; the same run always gives the same text."""
    whole = whole_groups(groups)
    shown = most_telling(whole)
    return _template("summary.md.j2").render(
        machine=facts.machine_line(run), verdict=verdicts(groups)[0],
        summary=summary_table(shown, whole), left_out=len(whole) - len(shown), link=link)


def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, autoescape=False)
    environment.filters.update(text=escape, code=code)
    return environment.get_template(name)


def _prose(run: runs.Run) -> str:
    text = str(run.section("config").get("analysis") or "").strip()
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _rankings(groups: list[Group]) -> list[Section]:
    sections = []
    for whole in whole_groups(groups):
        own = [group for group in groups if group.keys == whole.keys]
        body, notes = [], []
        for group in own:
            regime = "all regimes" if group.regime == ALL else group.regime
            for standing in group.standings:
                rank, backend, *numbers, worst_case = cells(standing)
                body.append([escape(regime), cases_text(group), rank, escape(backend), *numbers,
                             code(worst_case)])
            notes += [f"\n{escape(regime)}: {escape(line)}." for line in left_out_lines(group)]
        table = markdown_table(["regime", "cases", *HEADER], body)
        sections.append(Section(full_title(whole.keys),
                                       "\n".join([table, *notes])))
    return sections


def splice(path: pathlib.Path, summary: str) -> str:
    """The text of the file with `summary` between the markers; the file is not written.

    Raises UserError when the file cannot be read, or has not one of each marker in order.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path}: {error}") from None
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise UserError(f"{path} needs one line {BEGIN} and below it one line {END}, "
                        "add them where the summary belongs")
    before, rest = text.split(BEGIN)
    return before + BEGIN + "\n" + summary.strip() + "\n" + END + rest.split(END)[1]


def _link(page: pathlib.Path, report: pathlib.Path) -> str | None:
    """Relative link from `page` to the report, if that lies below it and is not git-ignored."""
    folder, target = page.resolve().parent, report.resolve()
    if folder not in target.parents:
        return None
    try:
        ignored = subprocess.run(["git", "-C", str(folder), "check-ignore", "-q", str(target)],
                                 stderr=subprocess.DEVNULL, check=False).returncode == 0
    except FileNotFoundError:
        ignored = False
    return None if ignored else target.relative_to(folder).as_posix()
