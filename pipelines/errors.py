"""What a user is told: the command line prints the message on one line and exits with ``status``."""

from __future__ import annotations


class CuveeError(Exception):
    """A condition the user can mend: the message says what is wrong, where, and the remedy."""

    status = 1


class RecipeError(CuveeError):
    """A recipe refused before any work."""

    status = 2


class RunFailed(CuveeError):
    """A run that ended early. What was finished is kept; running again resumes."""
