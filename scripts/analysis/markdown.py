"""Renders a report, and the summary of one for a README, as Markdown."""

import pathlib
import urllib.parse
from collections import defaultdict
from collections.abc import Sequence

import jinja2

from . import facts, shapes
from .accuracy import accuracy
from .cases import rounds_differ
from .changes import changes
from .cliffs import cliffs
from .diff import same_machine
from .figures.picture import Picture
from .headings import full_title
from .instead import instead_of_batch_norm, instead_of_f32
from .machines import machines, run_names
from .price import price
from .rank import ALL, HEADER, Group, cases_text, cells, left_out_lines
from .runs import Run
from .summary import most_telling, summary_table, whole_groups
from .text import Section, code, escape, markdown_table
from .verdict import verdicts

TEMPLATES = pathlib.Path(__file__).parent / "templates"


def render_report(ranked: Sequence[tuple[Run, list[Group]]], pictures: Sequence[Picture],
                  folder: str, command: str) -> str:
    """The full report of the last of the runs, with how the others compare.

    `ranked` has each run with its groups; `folder` is where the pictures are, seen from the report.
    """
    run, groups = ranked[-1]
    whole = whole_groups(groups)
    names = run_names([own for own, _ in ranked])
    older = [(name, changes(old, run)) for name, (old, _) in zip(names, ranked[:-1])
             if same_machine(old, run)]
    return _template("report.md.j2").render(
        partial=[own.partial if len(ranked) == 1 else f"{name}: {own.partial}"
                 for name, (own, _) in zip(names, ranked) if own.partial],
        run=run, name=run.meta.get("name") or run.path.name, names=names,
        machines=machines(ranked), older=older, images=_images(pictures, folder),
        verdicts=verdicts(groups), machine=facts.machine_facts(run),
        analysis=_prose(run), config=facts.config_line(run),
        ceilings=facts.ceilings(run), bounds=run.rows["bound_ns"].notna().any(),
        rounds_differ=rounds_differ(run.rows),
        summary=summary_table(whole, whole), rankings=_rankings(groups),
        named=shapes.named_sections(run), cliffs=cliffs(run),
        threads=shapes.thread_scaling(run), batches=shapes.batch_scaling(run),
        price=price(run), other_norms=instead_of_batch_norm(run), other_types=instead_of_f32(run),
        accuracy=accuracy(run), costs=facts.costs(run), remarks=facts.remarks(run),
        gaps=facts.gaps(run),
        warnings=[*run.all_warnings(), *shapes.above_ceiling(run)],
        run_command=facts.command_line(run), report_command=command)


def render_summary(run: Run, groups: list[Group], link: str | None,
                   ranking: Picture | None, folder: str | None) -> str:
    """The compact version for a README; the same run always gives the same text.

    `link` leads to the report and `folder` to its pictures, where there is such a thing.
    """
    whole = whole_groups(groups)
    shown = most_telling(whole)
    return _template("summary.md.j2").render(
        partial=run.partial, machine=facts.machine_line(run), verdict=verdicts(groups)[0],
        image=_image(ranking, folder) if ranking and folder else None,
        summary=summary_table(shown, whole), left_out=len(whole) - len(shown),
        link=urllib.parse.quote(link) if link else None)


def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, autoescape=False)
    environment.filters.update(text=escape, code=code)
    return environment.get_template(name)


def _images(pictures: Sequence[Picture], folder: str) -> dict[str, list[str]]:
    """The pictures as Markdown, by what they show."""
    found: dict[str, list[str]] = defaultdict(list)
    for picture in pictures:
        found[picture.name].append(_image(picture, folder))
    return found


def _image(picture: Picture, folder: str) -> str:
    place = urllib.parse.quote(f"{folder}/{picture.file_name}")
    return f"![{escape(picture.alt)}]({place})"


def _prose(run: Run) -> str:
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
        sections.append(Section(full_title(whole.keys), "\n".join([table, *notes])))
    return sections
