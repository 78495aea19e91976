"""Errors a user can meet; the command line turns each into one line and an exit code."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["DomainError", "InputError", "UfpError", "nearest"]


class UfpError(RuntimeError):
    """A computation that failed (exit code 1)."""

    exit_code = 1


class InputError(UfpError, ValueError):
    """Wrong or missing input: what was expected, what was found, what to do (exit code 2)."""

    exit_code = 2


class DomainError(UfpError, ValueError):
    """Well-formed input outside the domain of a model: two atoms on one point, a contact below the first knot."""


def nearest(word: str, valid: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the valid name closest to `word`, or an empty string."""
    match = difflib.get_close_matches(word, list(valid), n=1, cutoff=0.5)
    return f" (did you mean {match[0]!r}?)" if match else ""
