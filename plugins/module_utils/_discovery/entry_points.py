# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What manage.py and the server files do before Django starts: Celery's processes go through none of them."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from .imports import Module
from .project import EntryLine, Finding
from .settings_named import CONFIGURATION, VARIABLE
from .source import dotted, literal_text, parse

_LOADERS = ("load_dotenv", "read_dotenv", "read_env")
#: Variables that are found and given to Celery's processes anyway, or are none of the project's.
_KNOWN = (VARIABLE, CONFIGURATION, "PYTHONPATH")


def find(manage: Path, servers: Sequence[Path], base: Path) -> list[EntryLine]:
    """Return what manage.py and the server files do to the environment, with places relative to *base*.

    Variables count as the web process has them: those of manage.py only where there is no server file.
    """
    found = [line for file in servers for line in _in_file(file, base)]
    by_manage = _in_file(manage, base)
    return [*(line for line in by_manage if not servers or line.kind == "file"), *found]


def _in_file(file: Path, base: Path) -> Iterator[EntryLine]:
    tree = parse(file)
    for node in ast.walk(tree):
        place = f"{os.path.relpath(file, base)}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Call):
            called = dotted(node.func)
            if called.rpartition(".")[2] in _LOADERS:
                yield EntryLine(place, "file", _file_named(node))
            elif called.endswith("environ.setdefault") and len(node.args) == 2:
                yield from _variable(place, literal_text(node.args[0]), node.args[1], replaces=False)
            elif called.endswith("environ.update") and node.args and isinstance(node.args[0], ast.Dict):
                for key, value in zip(node.args[0].keys, node.args[0].values, strict=True):
                    yield from _variable(place, literal_text(key), value, replaces=True)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Subscript) and dotted(target.value).endswith("environ"):
                    yield from _variable(place, literal_text(target.slice), node.value, replaces=True)


def _variable(place: str, name: str, value: ast.expr, *, replaces: bool) -> Iterator[EntryLine]:
    if name and name not in _KNOWN:
        known = isinstance(value, ast.Constant) and isinstance(value.value, str)
        yield EntryLine(place, "variable", name, literal_text(value), known, replaces)


def _file_named(call: ast.Call) -> str:
    """Return the file that a loader is given, as far as literals tell; empty where it is searched for."""
    given = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg != "override")]
    texts = [literal_text(node) for part in given for node in ast.walk(part) if literal_text(node)]
    return next((text for text in reversed(texts) if "env" in text), "")


def tell(
    lines: Sequence[EntryLine], settings: Sequence[Module], folders: Sequence[Path], base: Path
) -> list[Finding]:
    """Return what workers lack that the web process and manage.py have.

    Args:
        lines: what :func:`find` found.
        settings: the settings modules; what these do themselves, every process does.
        folders: where a file such as .env may stand.
        base: the folder that places are relative to.
    """
    found: list[Finding] = []
    loads = [line for line in lines if line.kind == "file"]
    if loads and not any(_loads(module.tree) for module in settings):
        found += _of_files(loads, folders, base)
    for line in lines:
        if line.kind == "variable" and not line.known:
            text = (
                f"{line.place} gives {line.name} a value that is computed, before Django starts. Celery's "
                f"processes do not go through that file: put {line.name} into celery_environment or "
                "celery_secrets."
            )
            found.append(Finding(text, refuses=True, variable=line.name, running=True))
    return found


def _of_files(loads: Sequence[EntryLine], folders: Sequence[Path], base: Path) -> Iterator[Finding]:
    places = ", ".join(dict.fromkeys(line.place for line in loads))
    name = next((line.name for line in loads if line.name), ".env")
    file = next((folder / name for folder in folders if (folder / name).is_file()), None)
    names = _names(file) if file else []
    if file is None or not names:
        return
    yield Finding(
        f"{places}: {os.path.relpath(file, base)} is loaded before Django starts, and Celery's processes "
        "go through none of these files: they would have another environment than the web. Put what it sets "
        f"({', '.join(names)}) into celery_environment or celery_secrets, or load it in the settings.",
        # What manage.py alone loads, the web process may have from elsewhere.
        refuses=any(not line.place.startswith("manage.py:") for line in loads),
        variables=names,
        running=True,
    )


def _loads(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] in _LOADERS
        for node in ast.walk(tree)
    )


def _names(file: Path) -> list[str]:
    """Return the names that a file of variables sets; its values are nobody's business here."""
    try:
        text = file.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return []
    found = re.findall(r"^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)[ \t]*=", text, re.MULTILINE)
    return list(dict.fromkeys(found))
