# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which apps production installs, and which only another environment may."""

from __future__ import annotations

import ast
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from . import given
from .imports import Module, Modules
from .source import SourceError, assignments, dotted, module_statements, walk

#: Folders beside a project that hold what is shown, and not what is run.
_SHOWN = frozenset(
    {"examples", "example", "docs", "doc", "samples", "benchmarks", "scripts", "contrib_examples"}
)


def find_installed(modules: Modules, files: Sequence[Module]) -> list[str]:
    """Return all entries of INSTALLED_APPS in the settings, those below conditions too."""
    return list(
        dict.fromkeys(
            text
            for module in reversed(files)
            for _statement, value in _given(module)
            for text in modules.strings(module, value)
        )
    )


def elsewhere(modules: Modules, files: Sequence[Module], base: Path) -> dict[str, str]:
    """Return the entries of INSTALLED_APPS that production may not have, with what installs them.

    These stand below a condition that does not hold, or may not, and in settings that are beside
    production's.
    """
    sure: set[str] = set()
    perhaps: dict[str, str] = {}
    for module in files:
        certain = {id(statement) for statement, below in given.statements(files, module) if not below}
        for statement, value in _given(module):
            texts = modules.strings(module, value)
            if id(statement) in certain:
                sure.update(texts)
            else:
                place = f"{os.path.relpath(module.file, base)}:{statement.lineno}"
                perhaps.update((text, f"{place} installs it under a condition") for text in texts)
    # Settings that are put together at run time may take any of those beside them.
    for module in [] if _is_dynamic(files) else _beside(modules, files):
        for statement, value in _given(module):
            place = f"{os.path.relpath(module.file, base)}:{statement.lineno}"
            for text in modules.strings(module, value):
                perhaps.setdefault(text, f"only {place} installs it, which are other settings")
    return {name: why for name, why in perhaps.items() if name not in sure}


def _given(module: Module) -> list[tuple[ast.stmt, ast.expr]]:
    """Return the statements that give INSTALLED_APPS a value or add to it, with what they give."""
    found = assignments(module.tree, "INSTALLED_APPS")
    for statement in module_statements(module.tree):
        call = statement.value if isinstance(statement, ast.Expr) else None
        if isinstance(call, ast.Call) and dotted(call.func) in _ADDING and call.args:
            found.append((statement, call.args[-1]))
    return found


#: What adds to a list, by its last argument.
_ADDING = ("INSTALLED_APPS.append", "INSTALLED_APPS.extend", "INSTALLED_APPS.insert")


def _is_dynamic(files: Sequence[Module]) -> bool:
    """Tell whether settings have no INSTALLED_APPS of their own, or import what no name says."""
    if not any(assignments(module.tree, "INSTALLED_APPS") for module in files):
        return True
    calls = {
        dotted(node.func).rpartition(".")[2]
        for module in files
        for node in walk(module.tree)
        if isinstance(node, ast.Call)
    }
    return bool(calls & {"globals", "vars", "locals", "exec", "import_module", "__import__", "include"})


def _beside(modules: Modules, files: Sequence[Module]) -> list[Module]:
    """Return the settings that stand beside those of production, and do not go into them."""
    used = {module.file for module in files}
    found = []
    for folder in dict.fromkeys(module.file.parent for module in files):
        for file in sorted(folder.glob("*.py")):
            if file in used or not ("settings" in file.name or folder.name == "settings"):
                continue
            try:
                module = modules.get(modules.name_of(file))
            except SourceError:
                continue
            found += [module] if module else []
    return found


def other_project(file: Path, base: Path, apps: Mapping[str, str]) -> str:
    """Return the manage.py of another project below this one that a file belongs to, else an empty text."""
    for folder in file.parents:
        if folder == base or not folder.is_relative_to(base):
            break
        if str(folder) in apps.values():
            break
        if (folder / "manage.py").is_file():
            return os.path.relpath(folder / "manage.py", base)
    return ""


def doubt(
    file: Path, modules: Modules, apps: Mapping[str, str], others: Mapping[str, tuple[str, str]]
) -> str:
    """Return why what is in a file may never be loaded in production, empty where it should be.

    Args:
        file: the file.
        modules: the project's modules; the first root is the folder of manage.py.
        apps: the project's own apps that are installed: dotted name and folder.
        others: those that only another environment installs, with folder and reason.
    """
    here = [Path(folder) for folder in apps.values()]
    around = [(Path(folder), why) for folder, why in others.values()]
    holding = max(
        [(len(folder.parts), "") for folder in here if file.is_relative_to(folder)]
        + [(len(folder.parts), why) for folder, why in around if file.is_relative_to(folder)],
        default=None,
    )
    if holding:
        return holding[1]
    manage = other_project(file, modules.roots[0], apps)
    if manage:
        return f"it belongs to another project, that of {manage}"
    root = max(
        (root for root in modules.roots if file.is_relative_to(root)), key=lambda root: len(root.parts)
    )
    inside = [folder for folder in file.parents if folder.is_relative_to(root) and folder != root]
    if any(folder.name in _SHOWN for folder in inside):
        return "no app that is installed holds it"
    if any(not (folder / "__init__.py").is_file() for folder in inside):
        return "it is in no package, and no app that is installed holds it"
    return ""
