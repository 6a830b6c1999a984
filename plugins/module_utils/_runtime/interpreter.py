# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the Python that the virtual environment is made with."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass

from .. import _command

#: celery 5.7 declares Requires-Python >=3.10.
OLDEST = (3, 10)

_CLAUSE = re.compile(r"\s*(~=|==|!=|<=|>=|<|>|===)\s*([0-9][0-9.]*)(\.\*)?\s*\Z")
_QUESTION = (
    "import sys, importlib.util as u; "
    "print('%d.%d.%d' % sys.version_info[:3], bool(u.find_spec('ensurepip')))"
)


class InterpreterError(Exception):
    """No suitable Python is on the host. The text says which there are and what is needed."""


@dataclass(frozen=True)
class Interpreter:
    """A Python of the host."""

    path: str
    version: tuple[int, int, int]
    has_ensurepip: bool

    def __str__(self) -> str:
        return f"{self.path} ({'.'.join(map(str, self.version))})"


def satisfies(version: tuple[int, ...], specifier: str) -> bool:
    """Tell whether a Python version fits a ``requires-python`` specifier (PEP 440).

    Clauses that are not understood count as fitting: the installer decides then.
    """
    for clause in filter(None, specifier.split(",")):
        found = _CLAUSE.match(clause)
        if not found:
            continue
        operator, text, wildcard = found.groups()
        wanted = tuple(int(part) for part in text.strip(".").split("."))
        head = version[: len(wanted)]
        padded = wanted + (0,) * (3 - len(wanted))
        fits = {
            "==": head == wanted if wildcard or len(wanted) < 3 else version == padded,
            "===": version == padded,
            "!=": head != wanted if wildcard else version != padded,
            "<=": version <= padded or head == wanted,
            ">=": version >= padded,
            "<": version < padded,
            ">": version > padded,
            "~=": version >= padded and version[: len(wanted) - 1] == wanted[:-1],
        }[operator]
        if not fits:
            return False
    return True


def ask(path: str) -> Interpreter | None:
    """Return what an interpreter says of itself, None where it does not run."""
    try:
        done = _command.run([path, "-I", "-c", _QUESTION], timeout=30)
        version, ensurepip = done.stdout.split()
        major, minor, micro = (int(part) for part in version.split("."))
    except (OSError, _command.TimeoutExpired, ValueError):
        return None
    return Interpreter(path, (major, minor, micro), ensurepip == "True")


def choose(wanted: str, requires: str) -> Interpreter:
    """Return the interpreter to use: the one that is wanted, else the first that fits.

    ``python3`` comes first, then the others from the newest down.

    Args:
        wanted: a path or a name, empty for any.
        requires: the project's ``requires-python``, empty for any.

    Raises:
        InterpreterError: none is there that fits.
    """
    needs = f"Celery 5.7 needs {OLDEST[0]}.{OLDEST[1]} or newer"
    if requires:
        needs += f", the project says requires-python {requires!r}"
    if wanted:
        found = ask(shutil.which(wanted) or wanted)
        if found is None:
            raise InterpreterError(f"celery_python: {wanted} does not run on this host.")
        if not _fits(found, requires):
            raise InterpreterError(f"celery_python: {found} does not do: {needs}.")
        return found
    seen = []
    for name in ("python3", *(f"python3.{minor}" for minor in range(15, OLDEST[1] - 1, -1))):
        path = shutil.which(name)
        found = ask(path) if path else None
        if found is None:
            continue
        if _fits(found, requires):
            return found
        seen.append(str(found))
    listed = ", ".join(seen) or "none"
    raise InterpreterError(
        f"No Python on this host does: {needs}; found: {listed}. "
        "Install one, and name it in celery_python if it is not on the PATH."
    )


def _fits(interpreter: Interpreter, requires: str) -> bool:
    return interpreter.version[:2] >= OLDEST and satisfies(interpreter.version, requires)
