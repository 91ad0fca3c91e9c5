"""Writes text files whole or not at all."""

import os
import pathlib
import tempfile

from .errors import UserError


def write_text(path: pathlib.Path, text: str) -> None:
    """Replaces `path` in one step, keeping its mode; a device or pipe is written directly.

    What is no character, as names of files may hold, becomes a question mark.
    Raises UserError when the place cannot be written.
    """
    target = pathlib.Path(os.path.realpath(path))
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8", errors="replace")
            return
        _replace(target, text)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}, choose another place") from error


def make_folder(path: pathlib.Path) -> None:
    """Makes the folder unless it exists; its parent must exist. Raises UserError otherwise."""
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}, choose another place") from error


def _replace(target: pathlib.Path, text: str) -> None:
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as stream:
            stream.write(text)
        os.chmod(temporary, target.stat().st_mode & 0o777 if target.exists() else _new_mode())
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def _new_mode() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
