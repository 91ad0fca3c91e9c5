"""Exit codes, and the two ways this package talks to its user outside of its results."""

import sys

FINE = 0
USAGE = 2
REGRESSION = 4


class UserError(Exception):
    """Something the user can change; the message says what is wrong, where, and what to do."""


def warn(message: str) -> None:
    """Prints one line to stderr; results are still produced."""
    print(f"normbench: warning: {message}", file=sys.stderr)
