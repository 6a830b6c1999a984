# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Integrate a checkout, or take the integration out: compute, write, check, or undo."""

from __future__ import annotations

import ast
import contextlib
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .. import _owner as owner
from .._discovery.files import ignoring_patterns
from .._runtime import lock
from . import integration, transaction
from .exceptions import has_exception
from .tree import Tree, TreeError

_BYTECODE = "__pycache__"


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
    #: Files that were written, and that git does not take into the repository: why not.
    ignored: dict[str, str]


def change(
    top: Path,
    compute: Callable[[integration.Reader], integration.Change],
    see: Callable[[list[Path]], None],
    check: bool,
) -> Outcome:
    """Apply what *compute* says to the checkout, all or nothing, as the owner of the checkout.

    Args:
        top: the checkout.
        compute: gives the change for a reader of files. It runs as the owner.
        see: is called with the files that changed, which are valid Python, and raises if they do not
            work. It runs as who calls this.
        check: only tell what would be done.

    Raises:
        CheckoutError: it cannot be done.
        Exception: whatever *see* raised; the checkout is as it was.
    """

    def work(ask: owner.Ask) -> dict[str, Any]:
        def seen(changed: list[Path]) -> None:
            ask([str(path) for path in changed])

        return asdict(_change(top, compute, seen, check))

    def answer(changed: list[str]) -> None:
        see([Path(path) for path in changed])

    # Others could hold a lock in a checkout of theirs; root's, nobody else can.
    alone = contextlib.nullcontext() if check else lock.held(os.path.realpath(top))
    try:
        with alone:
            return Outcome(**owner.call(top, work, answer, [CheckoutError]))
    except (owner.OwnerError, lock.LockError) as error:
        raise CheckoutError(str(error)) from error
    except OSError as error:
        raise CheckoutError(f"{error.filename or top}: {error.strerror}") from error


def _change(
    top: Path,
    compute: Callable[[integration.Reader], integration.Change],
    see: Callable[[list[Path]], None],
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
                    # What somebody has broken before is not for us to mend, or to leave our lines in.
                    sound = [path for path in changed if not _problem(path, files.read(path))]

                    def seen() -> None:
                        check_syntax(sound)
                        see(list(changed))

                    transaction.apply(top, changed, seen)
                    _drop_bytecode(files, [path for path, text in changed.items() if text is None])
                return _outcome(top, found, recovered)
    except (integration.IntegrationError, transaction.TransactionError, TreeError) as error:
        raise CheckoutError(str(error)) from error
    except OSError as error:
        raise CheckoutError(f"{error.filename or top}: {error.strerror}") from error


def _drop_bytecode(files: Tree, gone: list[Path]) -> None:
    """Remove what Python has made of files that are gone, as far as that is ours to remove."""
    for path in gone:
        with contextlib.suppress(OSError, TreeError):
            place = files.place(path)
            above, _slash, name = place.rpartition("/")
            with files.folder(f"{above}/{_BYTECODE}".lstrip("/")) as handle:
                stem = name.removesuffix(".py")
                for found in os.listdir(handle):
                    if found.startswith(f"{stem}.") and found.endswith(".pyc"):
                        os.unlink(found, dir_fd=handle)


def _see_that_it_is_ours(files: Tree) -> None:
    """See that root works in a folder of root's: the name of a checkout may lead elsewhere by now."""
    if os.geteuid() == 0 and os.fstat(files.handle).st_uid != 0:
        raise CheckoutError(f"{files.top} was exchanged for a folder of another owner's. Run again.")


def _outcome(top: Path, found: integration.Change, recovered: bool) -> Outcome:
    files = [str(path.relative_to(top)) for path in sorted(found.changed())]
    there = [str(path.relative_to(top)) for path, text in found.changed().items() if text is not None]
    # Before it is written, git does not know of our exceptions.
    ignored = {
        name: pattern
        for name, pattern in ignoring_patterns(top, sorted(there)).items()
        if not has_exception(top, name, found.after)
    }
    return Outcome(integration.unified_diff(top, found), files, found.kept, recovered, ignored)


def uncommitted(outcome: Outcome) -> str:
    """Return what to say where git ignores what has to be committed, empty where it does not."""
    if not outcome.ignored:
        return ""
    found: dict[str, list[str]] = {}
    for name, pattern in sorted(outcome.ignored.items()):
        found.setdefault(pattern, []).append(name)
    listed = "; ".join(f"{', '.join(names)} ({pattern})" for pattern, names in found.items())
    return (
        f"git ignores files of the integration, which have to be committed: {listed}. Take the pattern out, "
        f"or add them all the same: git add --force {' '.join(sorted(outcome.ignored))}"
    )


def check_syntax(files: list[Path]) -> None:
    """See that every Python file among *files* compiles.

    Raises:
        CheckoutError: one does not.
    """
    for file in files:
        if file.exists() and (error := _problem(file, file.read_bytes())):
            raise CheckoutError(
                f"With the integration, {file} would be no valid Python: {error}. The checkout is as it was."
            )


def _problem(file: Path, content: bytes | None) -> str:
    """Return why a file is no valid Python, empty where it is, is no Python at all, or is not there."""
    if file.suffix != ".py" or content is None:
        return ""
    try:
        ast.parse(content, filename=str(file))
    except (SyntaxError, ValueError) as error:
        return str(error)
    return ""
