# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run tells besides what it changes: notes on its decisions, and warnings."""

from __future__ import annotations

import os.path

from ansible_collections.celeriac.django.plugins.module_utils._deployment import Deployment
from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import Project
from ansible_collections.celeriac.django.plugins.module_utils._host import Host

from . import findings, limits, results, tasks
from .variables import Variables


def notes(project: Project, app_module: str) -> list[str]:
    """Return what was decided about the checkout, and why, for whoever reads the diff."""
    top = project.path
    texts = [
        f"{os.path.relpath(place.file, top)} gets the settings: {place.why}."
        for place in project.settings_places
    ]
    if not project.package:
        texts.append(
            f"The Celery app is {app_module}.py: beside manage.py, a celery.py would be what "
            "`import celery` finds."
        )
    elif project.package_is_namespace:
        made = os.path.join(os.path.relpath(project.package_path, top), "__init__.py")
        texts.append(f"{made} is made: {project.package} had none, and nothing could load the app from it.")
    if project.import_paths:
        folders = ", ".join(os.path.relpath(path, top) for path in project.import_paths)
        texts.append(f"Workers and beat import from {folders} too, as manage.py does (PYTHONPATH).")
    return texts


def notes_of_own_app(project: Project) -> list[str]:
    """Return which Celery app of the project's own is deployed: nothing else shows it."""
    return [
        f"{project.own_app.place} is the project's own Celery app: nothing is written, and it is deployed as "
        f"it is, with the settings {project.settings} ({project.settings_source})."
    ]


#: What the settings of the integration give a value in every project, as templates/project/package has it.
_OURS = frozenset(
    f"CELERY_{name}"
    for name in (
        *("BROKER_URL", "BROKER_TRANSPORT_OPTIONS", "BROKER_USE_SSL", "BROKER_CONNECTION_RETRY_ON_STARTUP"),
        *("BROKER_CONNECTION_MAX_RETRIES", "WORKER_ENABLE_REMOTE_CONTROL", "RESULT_BACKEND"),
        *("RESULT_BACKEND_TRANSPORT_OPTIONS", "REDIS_BACKEND_USE_SSL", "RESULT_EXTENDED", "RESULT_EXPIRES"),
        *("REDIS_BACKEND_HEALTH_CHECK_INTERVAL", "REDIS_SOCKET_CONNECT_TIMEOUT", "REDIS_SOCKET_KEEPALIVE"),
        *("REDIS_SOCKET_TIMEOUT", "TASK_ACKS_LATE", "TASK_REJECT_ON_WORKER_LOST", "BEAT_SYNC_EVERY"),
        "WORKER_HIJACK_ROOT_LOGGER",
    )
)


def _overruled(project: Project, deployment: Deployment) -> str:
    """Name the project's own settings of Celery that those of the integration overrule."""
    ours = set(_OURS)
    if deployment.tasks.routes:
        ours.add("CELERY_TASK_ROUTES")
    if deployment.beat.scheduler != "file":
        ours.add("CELERY_BEAT_SCHEDULER")
    lost = {name: place for name, place in project.celery_settings.items() if name in ours}
    if not lost:
        return ""
    listed = ", ".join(f"{name} ({place})" for name, place in sorted(lost.items()))
    return (
        f"The project's own settings of Celery give way to those of the integration: {listed}. The inventory "
        "decides instead, such as celery_broker_url and celery_result_backend; take these lines out, so that "
        "nobody reads them as if they counted."
    )


def warnings(
    variables: Variables,
    project: Project,
    host: Host,
    deployment: Deployment,
    checkout_alone: bool = False,
) -> list[str]:
    """Return what works, but is probably not what somebody wants.

    Args:
        variables: the public variables without their prefix.
        project: what was found in the checkout.
        host: what was found on the host.
        deployment: what was decided.
        checkout_alone: whether nothing but the checkout is changed, so that nothing has to run.
    """
    texts = []
    if variables.service_manager == "auto" and host.has_systemd and not host.is_root:
        texts.append(
            "Nothing is started as a service: systemd runs this host, but the play is not root. Run with "
            "become (-b) for units, or set celery_service_manager to none if that is meant."
        )
    texts += tasks.warnings(deployment.tasks, variables.broker)
    if deployment.code.integrate:
        texts += results.warnings(variables, project)
        texts += filter(None, [_overruled(project, deployment)])
    if deployment.broker.embedded and deployment.run.systemd and deployment.code.integrate:
        texts.append(
            "The broker is a folder on this host: good for trying, but a kill can lose messages. For "
            "production, set celery_broker_url to a Redis or RabbitMQ, or put a host into celery_broker."
        )
    if deployment.code.integrate and not project.open_requirements:
        texts.append(
            f"Add {', '.join(deployment.requirements.own)} to the project's requirements: its package "
            "imports Celery from now on, in web processes too."
        )
    texts += findings.warnings(variables, project, deployment, checkout_alone)
    texts += _about_the_checkout(variables, project, deployment)
    if not checkout_alone:
        texts += _about_the_environment(variables, project, deployment)
    if "worker" in deployment.run.duties:
        texts += limits.warnings(variables.pools, variables.broker, variables.patience)
    return texts


def _about_the_checkout(variables: Variables, project: Project, deployment: Deployment) -> list[str]:
    texts = []
    if project.production:
        texts.append(
            f"{project.settings_source} names {project.settings}, and {project.production} stands "
            "beside it. If that is what production runs with, set celery_project_settings to it."
        )
    if not project.requirements and not variables.requirements:
        others = ", ".join(project.other_requirements)
        texts.append(
            "The checkout has no requirement file that is known here (requirements.txt, requirements/*.txt, "
            "a pyproject.toml with [project]). Name what it needs in celery_requirements"
            + (f": files such as {others}, or packages." if others else ".")
        )
    if project.unread:
        texts.append(
            f"{', '.join(project.unread)}: no valid Python for the one that Ansible runs with there, "
            "so tasks in it are not part of the proof. If it is right for a newer Python, set "
            "ansible_python_interpreter to one."
        )
    if not deployment.code.integrate and project.other_celery_apps and not variables.project_app:
        texts.append(
            f"There are several Celery apps: {project.own_app.place} is deployed, and not "
            f"{', '.join(project.other_celery_apps)}. Set celery_project_app, such as shop.celery:app, to "
            "choose."
        )
    return texts


def _about_the_environment(variables: Variables, project: Project, deployment: Deployment) -> list[str]:
    texts = []
    given = {*variables.environment, *variables.secret_names, *deployment.inside.environment}
    if variables.database_from_url and "DATABASE_URL" not in given:
        texts.append(
            "celery_database_from_url is true, but neither celery_secrets nor celery_environment has "
            "DATABASE_URL, and no host is in the group celery_database: workers use the project's SQLite."
        )
    if "DATABASE_URL" in given and project.database == "sqlite3" and not variables.database_from_url:
        texts.append(
            "DATABASE_URL is given, and the settings name a SQLite and do not read it: nobody uses it. "
            "Set celery_database_from_url to true, or read DATABASE_URL in the settings."
        )
    named = project.database not in ("", "sqlite3", "url") and "DATABASE_URL" not in project.environment
    if "DATABASE_URL" in given and named:
        texts.append(
            f"DATABASE_URL is given, and the settings name a {project.database} database themselves and were "
            "not seen to read it. If nobody uses it, take it out of celery_secrets, or the host out of the "
            "group celery_database; else the settings have to read it."
        )
    missing = {name: place for name, place in project.environment.items() if name not in given}
    if missing and not project.has_env_file:
        listed = ", ".join(f"{name} ({place})" for name, place in missing.items())
        texts.append(
            "The settings want from the environment what neither celery_environment nor celery_secrets has: "
            f"{listed}."
        )
    if variables.placeholders:
        texts.append(
            f"{', '.join(variables.placeholders)}: still a placeholder, as .env.example has it. Put the "
            "value into the vault, and run this again."
        )
    return texts
