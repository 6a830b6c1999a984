# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the integration puts into a checkout: files of its own, and blocks in the project's files."""

from __future__ import annotations

import os.path
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import Project
from ansible_collections.celeriac.django.plugins.module_utils._project import known_settings

from .._decisions import samples
from . import python_source
from .templates import Templates

#: The folder of templates that stands for the project's package.
_PACKAGE = "package"

#: How to get the value of a variable, by its name; the rest is the project's own.
_KNOWN = {
    "CELERY_BROKER_URL": (
        "Where tasks wait: the URL of Redis or RabbitMQ, from whoever runs it. Without it, the "
        "folder .celery stands in: for development.",
        "redis://:{name}_production_your_key_here@localhost:6379/0",
    ),
    "CELERY_RESULT_BACKEND": (
        "Where results go: the URL of a server, from whoever runs it.",
        "redis://:{name}_production_your_key_here@localhost:6379/1",
    ),
    "SECRET_KEY": (
        "Django's key: python -c \"from django.core.management.utils import "
        'get_random_secret_key as key; print(key())"',
        "{name}_production_your_key_here",
    ),
    "DATABASE_URL": (
        "The database: from whoever runs the server.",
        "postgres://{name}:{name}_production_your_key_here@localhost:5432/{name}",
    ),
}
_OTHER = ("Asked for by the settings: from the team's vault.", "{name}_production_your_key_here")


def environment_example(name: str, secret_names: Iterable[str]) -> list[dict[str, str]]:
    """Return the lines of .env.example: name, a placeholder, and how to get the value."""
    entries = []
    for variable in dict.fromkeys(["CELERY_BROKER_URL", *sorted(secret_names)]):
        comment, value = _KNOWN.get(variable, _OTHER)
        entries.append({"name": variable, "comment": comment, "value": value.format(name=name)})
    return entries


def render(
    templates: Templates,
    deployment: Mapping[str, Any],
    project: Project,
    secret_names: Iterable[str],
) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Return the files and the blocks, by path relative to the checkout.

    Raises:
        RenderError: a template does not work.
    """
    top = project.path
    package = os.path.relpath(project.package_path, top)
    documented = set(project.documented)
    # What the tables of django-celery-beat hold is written there, and not in the settings.
    entries = [] if deployment["scheduler"] == "database" else deployment["schedule"]
    schedule = python_source.schedule(entries, deployment["scheduler"], deployment["prefix"])
    values = {
        **deployment,
        "schedule": schedule,
        "unlisted_settings": known_settings.UNLISTED,
        "routing": python_source.routes(deployment["routes"]),
        "package_depth": len(Path(project.package_path).relative_to(project.base).parts),
        "installed_apps": _installed_apps(deployment),
        "environment_example": [
            entry
            for entry in environment_example(deployment["name"], secret_names)
            if entry["name"] not in documented
        ],
    }
    files = {
        os.path.normpath(os.path.join(package, _destination(name, deployment))): templates.render(
            name, values
        )
        for name in templates.names(_PACKAGE)
    }
    if schedule["needs_module"]:
        place = os.path.normpath(os.path.join(package, "celery_ops", "schedules.py"))
        files[place] = templates.render("schedules.py", values)
    if deployment["result_word"] == "django-db":
        place = os.path.normpath(os.path.join(package, "celery_ops", "results.py"))
        files[place] = templates.render("results.py", values)
    files |= samples.render(templates, deployment["samples"], values, package)
    fragment = f"{deployment['prefix']}celery_settings"
    blocks: dict[str, dict[str, str]] = {}
    for settings in project.settings_places:
        # Linters look at one file: there, a name that another file brings is undefined.
        apps = "INSTALLED_APPS" if settings.names_apps else 'globals()["INSTALLED_APPS"]'
        blocks[os.path.relpath(settings.file, top)] = {
            "hint": f"Celery's settings are in {fragment}.",
            # An import inside of a condition is fine for all linters; at the end of a module it is not.
            "lines": f'if "{deployment["prefix"]}celery_ops" not in {apps}:\n'
            f"    {_import(fragment)}\n\n"
            "    celery_settings.apply_to(globals())",
        }
    blocks[os.path.relpath(project.gitignore, top)] = {"lines": templates.render("gitignore", values)}
    if deployment["loads_in_package"]:
        # isort and ruff sort imports within a section: this one begins a section of its own.
        split = "# isort: split\n" if project.package_imports else ""
        blocks[os.path.join(package, "__init__.py")] = {
            "hint": "Django loads the Celery app, so that shared tasks find it.",
            # With the blank line that black sets after an import.
            "lines": f"{split}from .celery import app as celery_app  # noqa: F401\n\n",
        }
    if project.open_requirements:
        blocks[os.path.normpath(project.open_requirements)] = {
            "hint": "The project's package imports Celery.",
            "lines": "\n".join(deployment["requirements"]["own"]),
        }
    if values["environment_example"]:
        blocks[os.path.relpath(project.env_example, top)] = {"lines": templates.render("env.example", values)}
    return files, {name: {"hint": "", **block} for name, block in blocks.items()}


def _destination(name: str, deployment: Mapping[str, Any]) -> str:
    """Return where a template of the package goes, relative to the package.

    Without a package, a celery.py would be what ``import celery`` finds.
    """
    relative = os.path.relpath(name, _PACKAGE)
    return f"{deployment['app_module']}.py" if relative == "celery.py" else relative


def _import(module: str) -> str:
    package, _dot, name = module.rpartition(".")
    return f"from {package} import {name}" if package else f"import {name}"


def _installed_apps(deployment: Mapping[str, Any]) -> list[str]:
    apps = [f"{deployment['prefix']}celery_ops"]
    if deployment["scheduler"] == "database":
        apps.insert(0, "django_celery_beat")
    if deployment["result_word"] in ("django-db", "django-cache"):
        apps.insert(0, "django_celery_results")
    if deployment["samples"]["records"]:
        apps.append(deployment["samples"]["records"])
    return apps
