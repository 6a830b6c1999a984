# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where sample tasks can go in a checkout, and what of the project is built on them already."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .._checkout import integration
from . import models
from .files import python_files
from .imports import Modules
from .project import SamplePlace

#: The app with the tables of the samples, in the project's package.
RECORDS = "celery_records"
#: Files of ours that name the app, and are not built on it.
_NAMING = ("celery_settings.py",)


def look(
    top: Path, modules: Modules, apps: Mapping[str, str], made: Mapping[str, str]
) -> dict[str, SamplePlace]:
    """Return for each app what its samples need to know.

    Args:
        top: the checkout.
        modules: the project's modules.
        apps: the project's own apps: dotted name and folder.
        made: the files that this collection made, relative to the checkout.
    """
    return {app: _look(top, modules, app, Path(folder), made) for app, folder in apps.items()}


def _look(top: Path, modules: Modules, app: str, folder: Path, made: Mapping[str, str]) -> SamplePlace:
    model = models.first_model(modules, app)
    package = (folder / "tests" / "__init__.py").is_file()
    files = [folder / "tasks.py", folder / "tests" / "test_tasks.py" if package else folder / "test_tasks.py"]
    names = [str(file.relative_to(top)) for file in files]
    taken = [name for name in names if name not in made and (top / name).exists()]
    if (folder / "tasks").is_dir():
        taken.insert(0, str((folder / "tasks").relative_to(top)))
    return SamplePlace(
        model=model.name if model else "",
        manager=model.manager if model else "",
        tasks=names[0],
        tests=names[1],
        taken=next(iter(taken), ""),
    )


def records_used(top: Path, base: Path, made: Mapping[str, str], ignored: frozenset[str]) -> str:
    """Tell what of the samples' tables somebody's own code, or a sample that somebody edited, is built on.

    Returns:
        Nothing, ``tables``, or ``item`` where the model that stands in is among them.
    """
    ours = [name for name in made if RECORDS in Path(name).parts]
    if not ours:
        return ""
    for file in python_files(base, ignored):
        name = str(file.relative_to(top))
        if RECORDS in file.parts or file.name in _NAMING:
            continue
        try:
            content = file.read_bytes()
        except OSError:
            continue
        if RECORDS.encode() in content and not integration.is_as_made(name, content, made.get(name, "")):
            return "item" if any(name.endswith("_item.py") for name in ours) else "tables"
    return ""
