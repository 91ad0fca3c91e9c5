"""Puts a summary between two markers of a page, with links to what lies below that page."""

import pathlib
import subprocess

from .errors import UserError

BEGIN = "<!-- normbench:begin -->"
END = "<!-- normbench:end -->"


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


def link(page: pathlib.Path, target: pathlib.Path) -> str | None:
    """Relative link from `page` to the target, if that lies below it and is not git-ignored."""
    folder, target = page.resolve().parent, target.resolve()
    if folder not in target.parents:
        return None
    try:
        ignored = subprocess.run(["git", "-C", str(folder), "check-ignore", "-q", str(target)],
                                 stderr=subprocess.DEVNULL, check=False).returncode == 0
    except FileNotFoundError:
        ignored = False
    return None if ignored else target.relative_to(folder).as_posix()
