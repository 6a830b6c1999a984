# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the site is served, what a web process of somebody else's needs to send tasks, and who lacks it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.celeriac.django.plugins.module_utils._deployment import Deployment, Web
from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import Project

from .variables import DeploymentError, Variables

#: What the environment of all processes consists of.
_FILES = ("environment", "secrets")

#: Apps by which a project says that its site needs ASGI.
_ASGI_APPS = ("channels", "daphne")
#: ADDRESS:PORT, [ADDRESS]:PORT or PORT, or an absolute path (systemd.socket(5), ListenStream=).
_LISTEN = re.compile(r"(?:/[^\s%\\]+|(?:\[[0-9A-Fa-f:.]+\]:|[0-9.]+:)?[0-9]{1,5})\Z")
_APPLICATION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*\Z")
#: RFC 3986: what a path and its query may consist of.
_PATH = re.compile(r"/[A-Za-z0-9\-._~!$&'()*+,;=:@/?%]*\Z")
_CONTROL = re.compile("[\\x00-\\x1f\\x7f]")
#: Processes that nobody has counted out: more have to be asked for.
_MOST_PROCESSES = 8
THREADS = 4


def decide(variables: Variables, project: Project, name: str, processors: int) -> Web:
    """Decide how the site is served, where it is.

    Args:
        variables: the public variables.
        project: what was found.
        name: the deployment's name.
        processors: those of the host.

    Raises:
        DeploymentError: a value cannot be.
    """
    _check(variables)
    given, interface = variables.web_application, variables.web_interface
    if interface == "auto":
        interface = "asgi" if _asks_for_asgi(given, project) else "wsgi"
    return Web(
        interface=interface,
        application=given or _application(project, interface),
        listen=variables.web_listen or f"/run/{name}-web.sock",
        processes=variables.web_processes or min(processors + 1, _MOST_PROCESSES),
        threads=variables.web_threads or (1 if interface == "asgi" else THREADS),
        timeout=variables.web_timeout,
        health_path=variables.web_health_path,
        arguments=tuple(variables.web_arguments),
    )


def _check(variables: Variables) -> None:
    if variables.web_listen and not _LISTEN.match(variables.web_listen):
        raise DeploymentError(
            f"celery_web_listen is {variables.web_listen!r}; it has to be an absolute path of a socket, such "
            "as /run/shop-web.sock, or ADDRESS:PORT, such as 127.0.0.1:8000."
        )
    if variables.web_application and not _APPLICATION.match(variables.web_application):
        raise DeploymentError(
            f"celery_web_application is {variables.web_application!r}; it has to be MODULE:VARIABLE, such as "
            "shop.wsgi:application."
        )
    if variables.web_health_path and not _PATH.match(variables.web_health_path):
        raise DeploymentError(
            f"celery_web_health_path is {variables.web_health_path!r}; it has to be a path of the site, such "
            "as /health/."
        )
    for name in ("processes", "threads", "timeout"):
        if getattr(variables, f"web_{name}") < (1 if name == "timeout" else 0):
            raise DeploymentError(f"celery_web_{name} has to be a whole number above 0.")
    if any(_CONTROL.search(argument) for argument in variables.web_arguments):
        raise DeploymentError("celery_web_arguments: an argument has a control character in it.")


def _asks_for_asgi(application: str, project: Project) -> bool:
    if application:
        return "asgi" in application.partition(":")[0].rpartition(".")[2]
    asked = any(entry.partition(".")[0] in _ASGI_APPS for entry in project.installed_apps)
    modules = [module.rpartition(".")[2] for module in project.web_modules]
    return "asgi" in modules and (asked or "wsgi" not in modules)


def _application(project: Project, interface: str) -> str:
    """Return what the server loads: beside the one of the settings' own, or the first of its kind."""
    package = project.web.rpartition(".")[0]
    fitting = [name for name in project.web_modules if name.rpartition(".")[2] == interface]
    best = [name for name in fitting if name.rpartition(".")[0] == package]
    module = next(iter([*best, *fitting]), "")
    return f"{module}:application" if module else ""


def check(site: Web, project: Project, systemd: bool) -> None:
    """See that a host that is to serve the site can.

    Raises:
        DeploymentError: it cannot.
    """
    if not systemd:
        raise DeploymentError(
            "The site is to be served here (celery_web, or the group celery_web), and only systemd serves "
            "it: run with become: true (or -b) on a host that systemd runs, or leave the host out of it."
        )
    if not site.application:
        raise DeploymentError(
            f"Nothing in {project.base} says what serves the site: there is no {site.interface}.py. Name "
            f"what does in celery_web_application, such as shop.{site.interface}:application."
        )


def lines(config_path: str) -> list[str]:
    """Return the lines of a unit that give a process the environment of the workers."""
    return [f"EnvironmentFile={config_path}/{name}" for name in _FILES]


def lacks(servers: Iterable[Mapping[str, Any]], deployment: Deployment) -> list[str]:
    """Return what the units lack that serve the checkout, as :func:`warnings` says it."""
    if not deployment.run.systemd:
        return []
    packages = deployment.requirements.own if deployment.code.integrate else ()
    others = [server for server in servers if not is_ours(server, deployment)]
    return warnings(others, deployment.places.config, packages)


def is_ours(server: Mapping[str, Any], deployment: Deployment) -> bool:
    """Tell whether a unit is a generation of the site that a run has made."""
    prefix, suffix = deployment.units.web.split("@")
    return bool(server["unit"].startswith(f"{prefix}@") and server["unit"].endswith(suffix))


def warnings(servers: Iterable[Mapping[str, Any]], config_path: str, packages: Sequence[str]) -> list[str]:
    """Return what the units lack that serve the checkout.

    Args:
        servers: the units, as the host has found them.
        config_path: the folder with the environment of the workers.
        packages: what the integration imports in every process; empty where the project has its own app.
    """
    wanted = {f"{config_path}/{name}" for name in _FILES}
    texts = []
    for server in servers:
        unit = server["unit"]
        has_environment = server["has_broker"] or wanted <= set(server["files"])
        if not has_environment:
            texts.append(
                f"{unit} serves this checkout and has no CELERY_BROKER_URL in its environment: it cannot "
                f"send tasks. Run `systemctl edit {unit}`, put these lines under [Service], and restart it: "
                f"{' '.join(lines(config_path))}"
            )
        if packages and not server["has_celery"]:
            texts.append(
                f"{unit} serves this checkout from {server['venv']}, which has no Celery: the site does not "
                f"come up again after a restart. Install {', '.join(packages)} there first, or run it from "
                "the workers' virtual environment."
            )
    return texts
