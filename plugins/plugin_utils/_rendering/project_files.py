# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the integration puts into a checkout: files of its own, and blocks in the project's files."""

from __future__ import annotations

import os.path
from collections.abc import Iterable
from pathlib import Path

from ansible_collections.celeriac.django.plugins.module_utils._deployment import Deployment
from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import Project
from ansible_collections.celeriac.django.plugins.module_utils._project import known_settings

from . import env_example, python_source, samples
from .templates import Templates

#: The folder of templates that stands for the project's package.
_PACKAGE = "package"


def render(
    templates: Templates,
    deployment: Deployment,
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
    code, beat, tasks = deployment.code, deployment.beat, deployment.tasks
    entries = () if beat.scheduler == "database" else tasks.schedule
    schedule = python_source.schedule(entries, beat.scheduler, code.prefix)
    values = {
        "name": deployment.name,
        "code": code,
        "beat": beat,
        "results": deployment.results,
        "delivery": deployment.run.delivery,
        "schedule": schedule,
        "unlisted_settings": known_settings.UNLISTED,
        "routing": python_source.routes(tasks.routes),
        "package_depth": len(Path(project.package_path).relative_to(project.base).parts),
        "installed_apps": _installed_apps(deployment),
        "environment_example": [
            entry
            for entry in env_example.lines(deployment.name, secret_names)
            if entry["name"] not in documented
        ],
    }
    files = {
        os.path.normpath(os.path.join(package, _destination(name, code.app_module))): templates.render(
            name, values
        )
        for name in templates.names(_PACKAGE)
    }
    if schedule.needs_module:
        place = os.path.normpath(os.path.join(package, "celery_ops", "schedules.py"))
        files[place] = templates.render("schedules.py", values)
    if deployment.results.word == "django-db":
        place = os.path.normpath(os.path.join(package, "celery_ops", "results.py"))
        files[place] = templates.render("results.py", values)
    files |= samples.render(templates, tasks.samples, values, package)
    fragment = f"{code.prefix}celery_settings"
    blocks: dict[str, dict[str, str]] = {}
    for settings in project.settings_places:
        # Linters look at one file: there, a name that another file brings is undefined.
        apps = "INSTALLED_APPS" if settings.names_apps else 'globals()["INSTALLED_APPS"]'
        blocks[os.path.relpath(settings.file, top)] = {
            "hint": f"Celery's settings are in {fragment}.",
            # An import inside of a condition is fine for all linters; at the end of a module it is not.
            "lines": f'if "{code.prefix}celery_ops" not in {apps}:\n'
            f"    {_import(fragment)}\n\n"
            "    celery_settings.apply_to(globals())",
        }
    blocks[os.path.relpath(project.gitignore, top)] = {"lines": templates.render("gitignore", values)}
    if code.loads_in_package:
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
            "lines": "\n".join(deployment.requirements.own),
        }
    if values["environment_example"]:
        blocks[os.path.relpath(project.env_example, top)] = {"lines": templates.render("env.example", values)}
    return files, {name: {"hint": "", **block} for name, block in blocks.items()}


def _destination(name: str, app_module: str) -> str:
    """Return where a template of the package goes, relative to the package.

    Without a package, a celery.py would be what ``import celery`` finds.
    """
    relative = os.path.relpath(name, _PACKAGE)
    return f"{app_module}.py" if relative == "celery.py" else relative


def _import(module: str) -> str:
    package, _dot, name = module.rpartition(".")
    return f"from {package} import {name}" if package else f"import {name}"


def _installed_apps(deployment: Deployment) -> list[str]:
    apps = [f"{deployment.code.prefix}celery_ops"]
    if deployment.beat.scheduler == "database":
        apps.insert(0, "django_celery_beat")
    if deployment.results.word in ("django-db", "django-cache"):
        apps.insert(0, "django_celery_results")
    if deployment.tasks.samples.records:
        apps.append(deployment.tasks.samples.records)
    return apps
