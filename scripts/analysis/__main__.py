"""Entry point: `python3 -m analysis VERB ARGS...` runs one verb."""

import argparse
import os
import sys
from typing import NoReturn

from . import compare, diff, export, rank, report
from .errors import FINE, USAGE, UserError

VERBS = {module.VERB: module for module in (compare, rank, diff, report, export)}


class Parser(argparse.ArgumentParser):
    """Reports a bad command line in the one line that all errors have."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}, see '{self.prog} --help'")


def run_verb(arguments: list[str]) -> int:
    """Returns the exit code of the verb in arguments[0]; raises UserError for bad input."""
    if not arguments or arguments[0] not in VERBS:
        given = f"unknown verb '{arguments[0]}'" if arguments else "no verb given"
        raise UserError(f"{given}, use one of: {', '.join(VERBS)}")
    verb = VERBS[arguments[0]]
    parser = Parser(
        prog=f"normbench {verb.VERB}", description=verb.__doc__, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    verb.add_arguments(parser)
    return verb.main(parser.parse_args(arguments[1:]))


def main() -> int:
    """Runs the command line; a reader that closed stdout early is no error."""
    try:
        code = run_verb(sys.argv[1:])
        sys.stdout.flush()
        return code
    except UserError as error:
        print(f"normbench: error: {error}", file=sys.stderr)
        return USAGE
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FINE


if __name__ == "__main__":
    sys.exit(main())
