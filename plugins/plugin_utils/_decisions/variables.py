# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The public variables, read and checked once.

Their types, choices and defaults stand in meta/argument_specs.yml of the role celery, and nowhere else.
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.celeriac.django.plugins.module_utils import _schedule
from ansible_collections.celeriac.django.plugins.module_utils._deployment import Overrides, Route

from . import broker as _broker
from . import limits, routes, sandbox
from . import pools as _pools
from .pools import Pool

_SPECS = Path(__file__).resolve().parents[3] / "roles/celery/meta/argument_specs.yml"
_PREFIX = "celery_"
# The units of a project shop are shop-worker-…: those of a project shop-worker would pass for them.
_NAME = re.compile(r"(?!.*-(?:worker|beat))[a-z][a-z0-9_-]{0,30}\Z")


class DeploymentError(ValueError):
    """What was asked for cannot be. The text says what, where and what to do."""


@dataclass(frozen=True)
class Variables:
    """What the inventory says. A field that is named like a variable has its value."""

    project_path: str
    project_name: str
    project_package: str
    project_settings: str
    project_app: str
    project_integrate: str
    project_sample_apps: list[str]
    broker: _broker.Broker
    #: What the inventory sets up as the broker, empty if the broker is somebody else's.
    broker_server: str
    broker_ca: str
    broker_master: str
    broker_tls: bool
    database_ca: str
    #: The scheme of DATABASE_URL, empty where there is none.
    database_scheme: str
    result_backend: str
    #: Seconds; 0: never.
    result_expires: int
    beat_scheduler: str
    #: The periodic tasks as the inventory has them, for the module that writes the tables.
    beat_schedule: list[dict[str, Any]]
    schedule: tuple[_schedule.Entry, ...]
    beat_takeover: int
    #: In their order.
    routes: tuple[Route, ...]
    pools: tuple[Pool, ...]
    delivery: str
    patience: limits.Patience
    other_queues: list[str]
    timezone: str
    environment: dict[str, str]
    #: The names of the secrets, what they begin with where they are URLs, and those whose value is missing.
    secret_names: list[str]
    secret_schemes: list[str]
    placeholders: list[str]
    #: Whether a secret names a PostgreSQL database, so that its driver is needed.
    uses_postgresql: bool
    service_manager: str
    python: str
    state_path: str
    venv_path: str
    user: str
    requirements: list[str]
    worker_restart: str
    worker_self_check: bool
    keep_connections: bool
    share_memory: bool
    database_from_url: bool
    #: Whether the host serves the site, also where it is not in the group celery_web.
    web: bool
    web_interface: str
    web_application: str
    web_listen: str
    web_processes: int
    web_threads: int
    web_timeout: int
    web_health_path: str
    web_arguments: list[str]
    #: Whether the host tells Prometheus, also where it is not in the group celery_metrics.
    metrics: bool
    metrics_listen: str
    web_connections: int
    database_max_connections: int
    writable_paths: list[str]
    worker_overrides: Overrides
    beat_overrides: Overrides
    web_overrides: Overrides
    #: Whether the deployment is to go: what it was told to do does not matter any more.
    removing: bool
    #: The folder that holds the releases, of which the checkout is one; empty where the code is in place.
    release: str = ""

    @property
    def alone(self) -> bool:
        """Whether each host has a broker of its own, so that hosts are deployments of their own.

        A URL that follows from the group celery_broker names loopback on the broker's host alone, and the
        others reach the same server by its name.
        """
        return self.broker.local and not self.broker_server


@cache
def specs() -> dict[str, dict[str, Any]]:
    """Return the specs of the variables, by the variables' names."""
    found = yaml.safe_load(_SPECS.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
    # What is inside of a pool or a periodic task is looked at here, and completed otherwise.
    return {
        name: {key: value for key, value in spec.items() if key != "options"} for name, spec in found.items()
    }


def complete(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the public variables without their prefix, with their types and defaults.

    Args:
        given: the variables by their names; those with an empty text are left out.

    Raises:
        DeploymentError: a value is not of its type, or none of the choices.
    """
    known = {name: spec for name, spec in specs().items() if not spec.get("no_log")}
    said = {name: value for name, value in given.items() if name in known and value not in ("", None)}
    result = ArgumentSpecValidator(known).validate(said)
    if result.error_messages:
        raise DeploymentError("; ".join(result.error_messages))
    return {
        name.removeprefix(_PREFIX): "" if value is None and known[name]["type"] in ("str", "path") else value
        for name, value in result.validated_parameters.items()
    }


def read(options: Mapping[str, Any]) -> Variables:
    """Read and check the variables.

    Args:
        options: the public variables as of :func:`complete`, and what the role derives from secrets:
            ``broker_url``, ``broker_server``, ``database_ca``, ``database_scheme``, ``secret_names``,
            ``secret_schemes``, ``placeholders``, ``uses_postgresql``; ``release`` and ``removing``.

    Raises:
        DeploymentError: a value is missing or malformed.
    """
    if not os.path.isabs(options["project_path"]):
        raise DeploymentError(
            f"celery_project_path has to be an absolute path on the host, not {options['project_path']!r}."
        )
    if options["project_name"]:
        check_name(options["project_name"])
    removing = options["removing"]
    plain = {field.name: options[field.name] for field in fields(Variables) if field.name in options}
    schedule = [] if removing else options["beat_schedule"]
    texts = {key: _pools.environment_text(value) for key, value in options["environment"].items()}
    try:
        parsed = {
            "broker": _broker.parse(options["broker_url"]),
            "broker_tls": bool(options["broker_tls"]),
            "result_expires": _expires(options["result_expires"]),
            "beat_schedule": schedule,
            "schedule": tuple(_schedule.complete(schedule, options["timezone"])),
            "routes": tuple(routes.complete({} if removing else options["task_routes"])),
            "pools": tuple(_pools.complete(options["workers"], options["delivery"])),
            "patience": limits.patience(options),
            "environment": texts,
            **{
                f"{kind}_overrides": sandbox.overrides(
                    f"celery_{kind}_unit_overrides", options[f"{kind}_unit_overrides"]
                )
                for kind in ("worker", "beat", "web")
            },
        }
    except ValueError as error:
        raise DeploymentError(str(error)) from None
    return Variables(**{**plain, **parsed})


def _expires(value: Any) -> int:
    """Return after how many seconds results go; 0 where they never do."""
    if str(value) == "never":
        return 0
    try:
        return _schedule.seconds("celery_result_expires", "the time", value)
    except _schedule.ScheduleError:
        raise DeploymentError(
            f"celery_result_expires is {value!r}; it has to be whole seconds, a number with its unit, as "
            "12h or 7d, or never."
        ) from None


def check_name(name: str) -> None:
    """See that units, a user and folders can have this name.

    Raises:
        DeploymentError: they cannot.
    """
    if not _NAME.match(name):
        raise DeploymentError(
            f"celery_project_name: {name!r} cannot name units, a user and folders: use lower-case "
            "letters, digits, - and _, starting with a letter, at most 31 characters, without -worker and "
            "-beat."
        )
