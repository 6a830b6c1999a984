# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Integrate a checkout, or take the integration out: compute, write, prove, or undo."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .. import _owner as owner
from .._project.python import CHECK, MIGRATE, ProjectError, ProjectPython
from .._project.scripts import check as inside_check
from .._services import preflight
from . import integration, transaction
from .tree import Tree, TreeError


class CheckoutError(Exception):
    """The checkout is as it was before. The text says what went wrong, where, and what to do."""


@dataclass(frozen=True)
class Outcome:
    """What was done to the checkout, or would be."""

    diff: str
    files: list[str]
    kept: dict[str, str]
    #: Whether an interrupted run had to be undone first.
    recovered: bool


def change(
    top: Path,
    compute: Callable[[integration.Reader], integration.Change],
    prove: Callable[[list[Path]], None],
    check: bool,
) -> Outcome:
    """Apply what *compute* says to the checkout, all or nothing, as the owner of the checkout.

    Args:
        top: the checkout.
        compute: gives the change for a reader of files. It runs as the owner.
        prove: is called with the files that changed, which are valid Python, and raises if they do not
            work. It runs as who calls this.
        check: only tell what would be done.

    Raises:
        CheckoutError: it cannot be done, or the proof failed.
    """

    def work(ask: owner.Ask) -> dict[str, Any]:
        def proven(changed: list[Path]) -> None:
            prove_syntax(changed)
            ask([str(path) for path in changed])

        return asdict(_change(top, compute, proven, check))

    def answer(changed: list[str]) -> None:
        prove([Path(path) for path in changed])

    try:
        return Outcome(**owner.call(top, work, answer, [CheckoutError]))
    except owner.OwnerError as error:
        raise CheckoutError(str(error)) from error
    except OSError as error:
        raise CheckoutError(f"{error.filename or top}: {error.strerror}") from error


def _change(
    top: Path,
    compute: Callable[[integration.Reader], integration.Change],
    prove: Callable[[list[Path]], None],
    check: bool,
) -> Outcome:
    try:
        with Tree(top) as files:
            _see_that_it_is_ours(files)
            if check:
                before = transaction.pending(top)
                found = compute(lambda path: before[path] if path in before else files.read(path))
                return _outcome(top, found, bool(before))
            with transaction.locked(top):
                recovered = transaction.recover(top)
                found = compute(files.read)
                changed = found.changed()
                if changed:
                    transaction.apply(top, changed, lambda: prove(list(changed)))
                return _outcome(top, found, recovered)
    except (integration.IntegrationError, transaction.TransactionError, TreeError) as error:
        raise CheckoutError(str(error)) from error
    except OSError as error:
        raise CheckoutError(f"{error.filename or top}: {error.strerror}") from error


def _see_that_it_is_ours(files: Tree) -> None:
    """See that root works in a folder of root's: the name of a checkout may lead elsewhere by now."""
    if os.geteuid() == 0 and os.fstat(files.handle).st_uid != 0:
        raise CheckoutError(f"{files.top} was exchanged for a folder of another owner's. Run again.")


def _outcome(top: Path, found: integration.Change, recovered: bool) -> Outcome:
    files = [str(path.relative_to(top)) for path in sorted(found.changed())]
    return Outcome(integration.unified_diff(top, found), files, found.kept, recovered)


def prove_syntax(files: list[Path]) -> None:
    """See that every Python file among *files* compiles.

    Raises:
        CheckoutError: one does not.
    """
    for file in files:
        if file.suffix == ".py" and file.exists():
            try:
                ast.parse(file.read_bytes(), filename=str(file))
            except (SyntaxError, ValueError) as error:
                raise CheckoutError(
                    f"With the integration, {file} would be no valid Python: {error}. "
                    "The checkout is as it was."
                ) from error


def prove_project(project: ProjectPython, job: Mapping[str, Any], what: str) -> None:
    """See that the project's settings load, and what else the job of the script check names.

    Raises:
        CheckoutError: they do not; the text holds Django's own message.
    """
    try:
        answer = _checked(project, job)
    except ProjectError as error:
        raise CheckoutError(f"{what}: {str(error).rstrip('?.')}.{_advice(error)}") from error
    problems = [problem["text"] for problem in answer["problems"]]
    problems += preflight.pooled_problems(answer.get("pooled", ()), job.get("prefork", ()))
    if problems:
        listed = "; ".join(problems)
        raise CheckoutError(f"{what}: {listed}")


def _checked(project: ProjectPython, job: Mapping[str, Any]) -> Any:
    """Run the checks as ``manage.py check``, or as ``migrate`` if it needs tables that are not there yet.

    An AppConfig that reads its tables unless it is run by ``migrate`` works on an empty database
    by that command alone, and so do the checks, which ``migrate`` makes too.
    """
    try:
        return project.run(inside_check, job, role=CHECK)
    except ProjectError as error:
        if error.error not in ("OperationalError", "ProgrammingError", "DatabaseError"):
            raise
        try:
            return project.run(inside_check, job, role=MIGRATE)
        except ProjectError:
            raise error from None


def _advice(error: ProjectError) -> str:
    # Django says of a driver that is missing what to install, as a fault of the settings.
    if error.error in ("ModuleNotFoundError", "ImportError") or "Did you install " in str(error):
        return (
            " If a package is missing, add it to the project's requirement files, "
            "or name the right ones in celery_requirements."
        )
    if error.error in ("KeyError", "ImproperlyConfigured", "UndefinedValueError", "EnvError"):
        return (
            " If the settings miss something in the environment, put it into celery_environment, "
            "or into celery_secrets if it is a secret."
        )
    return ""
