# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decide a deployment: from the public variables and from what the host and the project are.

Everything that the roles need is decided here, once, and holds no secret.
"""

from __future__ import annotations

import json
import os.path
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ansible_collections.celeriac.django.plugins.module_utils import _names
from ansible_collections.celeriac.django.plugins.module_utils._checkout import integration
from ansible_collections.celeriac.django.plugins.module_utils._deployment import (
    Beat,
    Broker,
    Code,
    Deployment,
    Inside,
    Limits,
    Metrics,
    Places,
    Results,
    Run,
    Sandbox,
    Units,
)
from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import App, Project
from ansible_collections.celeriac.django.plugins.module_utils._host import Host
from ansible_collections.celeriac.django.plugins.module_utils._release import store

from . import broker as _broker
from . import findings, limits, metrics, places, requirements, results, sandbox, tasks, warnings, web
from . import pools as _pools
from .fleet import Fleet, duties
from .variables import DeploymentError, Variables, check_name

#: Seconds between two canaries.
CANARY_INTERVAL = 60
SCHEDULERS = {
    "database": "django_celery_beat.schedulers:DatabaseScheduler",
    "file": "",
    "redbeat": "redbeat.RedBeatScheduler",
}


def check(variables: Variables, groups: Mapping[str, Sequence[str]], hosts: Sequence[str]) -> None:
    """Check what can be checked without looking at any host.

    Args:
        variables: the public variables without their prefix ``celery_``.
        groups: the inventory's groups, name to hosts.
        hosts: the hosts of the play.

    Raises:
        DeploymentError: a value is missing, malformed, or contradicts another one.
    """
    broker = variables.broker
    try:
        _broker.check_options(broker, variables.broker_master, variables.broker_tls)
        limits.check(variables.pools, broker, variables.patience)
        _pools.refuse_beat("celery_environment", variables.environment)
        _pools.refuse_beat("celery_secrets", variables.secret_names)
        tasks.check(variables)
        running = [host for host in hosts if duties(host, groups)]
        results.check(variables, 1 if variables.alone else len(running))
        results.check_redbeat(variables)
    except ValueError as error:
        raise DeploymentError(str(error)) from None
    if broker.embedded and len(running) > 1:
        raise DeploymentError(
            f"The embedded broker is a folder on one host, and the play has {len(running)} "
            f"({', '.join(running)}). Set celery_broker_url to a server that all of them reach, such "
            "as redis://:password@host:6379/0."
        )
    beats = list(groups.get("celery_beat", ()))
    if not variables.alone:  # where each host has its own broker, each is a deployment of its own
        beats += [host for host in running if "beat" in duties(host, groups) and host not in beats]
    # RedBeat's lock lets one of several send, and the others stand by.
    if len(beats) > 1 and variables.beat_scheduler != "redbeat":
        raise DeploymentError(
            f"{len(beats)} hosts would run beat ({', '.join(beats)}), and each would send every "
            "periodic task. Put exactly one host into the group celery_beat, and the others into "
            "celery_worker alone; a host in none of the groups runs everything. Only with the scheduler "
            "redbeat, several hosts may: one sends, the others stand by."
        )


def check_broker(
    broker: _broker.Broker, silent: Sequence[str], ours: bool = False, pending: bool = False
) -> str:
    """See that one of the broker's servers answers.

    Args:
        broker: it.
        silent: its servers that do not answer, and why.
        ours: whether the inventory sets it up.
        pending: whether it is set up by a run that does not only check.

    Returns:
        What is to be told where it is still to be set up; empty if it answers.

    Raises:
        DeploymentError: none does.
    """
    if not broker.addresses or len(silent) < len(broker.addresses):
        return ""
    if pending:
        return (
            f"The broker does not answer yet ({'; '.join(silent)}). A run without --check sets it up first, "
            "on the hosts of the group celery_broker."
        )
    if ours:
        raise DeploymentError(
            f"The broker of the group celery_broker does not answer ({'; '.join(silent)}). Others call its "
            "host as the inventory does: where that is an alias, which only ansible_host explains, set "
            "celery_broker_address on that host to the name or address that it has for them. Otherwise run "
            "integrate.yml with that host in the play. Nothing was changed."
        )
    raise DeploymentError(
        f"The broker of celery_broker_url does not answer ({'; '.join(silent)}). Start it, or "
        "correct the address; nothing was changed."
    )


def check_authorities(unread: Sequence[str]) -> None:
    """See that the host has the certificates of those who have signed its servers' ones.

    Raises:
        DeploymentError: a file is not there, or holds none.
    """
    if unread:
        raise DeploymentError(
            f"{'; '.join(unread)}. It has to be a PEM file on each host that connects, with the certificate "
            "of who has signed the server's; nothing was changed."
        )


def decide(variables: Variables, project: Project, host: Host, fleet: Fleet) -> Deployment:
    """Decide the deployment of one host.

    Args:
        variables: the public variables, checked by :func:`check`.
        project: what was found in the checkout.
        host: what was found on the host.
        fleet: what the host is part of.

    Raises:
        DeploymentError: the project does not allow what was asked for.
    """
    name = _name_of(variables, project)
    systemd = _uses_systemd(variables.service_manager, host)
    integrate = _integrate(variables.project_integrate, project)
    _check_project(variables, project, integrate, fleet)
    code = _code(variables, project, integrate)
    there = places.paths(variables, project, name, systemd)
    account = places.account(variables, project, name, systemd, host)
    there = places.with_folders(there, account, systemd)
    canary = f"{name}-canary" if integrate else ""
    try:
        done = tasks.decide(variables, project, name, code, canary, fleet)
        site = web.decide(variables, project, name, host.processors)
        metrics.check(variables)
        if "web" in fleet.duties:
            web.check(site, project, systemd)
    except ValueError as error:
        raise DeploymentError(str(error)) from None
    duties = fleet.duties
    return Deployment(
        name=name,
        code=code,
        places=there,
        account=account,
        units=_units(variables, name, systemd, host, integrate),
        pools=tuple(_pools.unit(pool) for pool in variables.pools),
        broker=_broker_part(variables.broker),
        results=_results(variables, code, fleet),
        beat=_beat(variables, there, canary, tasks.writes_schedule(variables, done, integrate, duties)),
        web=site,
        metrics=Metrics(
            variables.metrics_listen,
            f"{there.run}/metrics" if systemd and "metrics" in duties else "",
        ),
        limits=Limits(
            limits.visibility_timeout(variables.pools, variables.patience),
            variables.patience.consumer,
            variables.web_connections,
            variables.database_max_connections,
        ),
        sandbox=_sandbox_of(there, variables, project),
        tasks=done.tasks,
        requirements=requirements.decide(
            variables,
            project,
            integrate,
            tasks.needs_ephem(done, integrate),
            site.interface if "web" in fleet.duties else "",
            "metrics" in fleet.duties,
        ),
        inside=Inside(
            there.python,
            project.base,
            project.settings,
            account.runs_as,
            _environment(variables, project, there, integrate),
        ),
        run=Run(
            duties=tuple(duties),
            systemd=systemd,
            alone=variables.broker.embedded or variables.alone,
            served=tuple(fleet.served),
            delivery=variables.delivery,
            prefork=tuple(
                pool.name for pool in variables.pools if pool.pool == "prefork" and "worker" in duties
            ),
            notes=(
                *(
                    warnings.notes(project, code.app_module)
                    if integrate
                    else warnings.notes_of_own_app(project)
                ),
                *done.notes,
                *findings.notes(project),
            ),
            drained=host.drained if systemd and "worker" in duties else "",
        ),
    )


def _check_project(variables: Variables, project: Project, integrate: bool, fleet: Fleet) -> None:
    """See that the checkout can get what is asked for."""
    if integrate and project.settings_problem:
        raise DeploymentError(project.settings_problem)
    if integrate and not project.writable and not project.integrated:
        raise DeploymentError(
            f"The checkout {project.path} is not writable. Run as its owner or with become, or set "
            "celery_project_integrate to never if Celery is in it already."
        )
    if variables.removing:
        return
    if variables.database_from_url:
        _check_database(project, integrate)
    if integrate:
        try:
            results.check_project(variables, project, fleet.workers)
        except results.ResultsError as error:
            raise DeploymentError(str(error)) from None


def _code(variables: Variables, project: Project, integrate: bool) -> Code:
    prefix = f"{project.package}." if project.package else ""
    # Beside manage.py, a celery.py would be what `import celery` finds.
    app_module = "celery" if project.package else "celery_app"
    package_file = os.path.join(project.package_path, "__init__.py")
    # Where the package's own module holds the settings, it cannot load an app that reads them.
    loads = bool(project.package) and package_file not in (p.file for p in project.settings_places)
    ours = project.package if loads else prefix + app_module
    return Code(
        path=project.path,
        base=project.base,
        package=project.package,
        prefix=prefix,
        app_module=app_module,
        loads_in_package=loads,
        settings=project.settings,
        integrate=integrate,
        record=os.path.join(os.path.relpath(project.package_path, project.path), integration.RECORD_PATH),
        app=ours if integrate else project.own_app.address,
        celery_settings=project.celery_settings,
        database_from_url=variables.database_from_url,
        web=project.web,
        settings_given=bool(variables.project_settings),
    )


def _broker_part(broker: _broker.Broker) -> Broker:
    facts = broker.facts
    return Broker(
        embedded=broker.embedded,
        has_control=facts.has_control,
        server=facts.server,
        addresses=tuple(f"{host}:{port}" for host, port in broker.addresses),
        counts_visibility=facts.counts_visibility,
    )


def _units(variables: Variables, name: str, systemd: bool, host: Host, integrate: bool) -> Units:
    # The settings of a project's own app may name another broker.
    can_check = variables.broker.facts.has_self_check or not integrate
    return Units(
        target=f"{name}-celery.target",
        slice=f"{name}-celery.slice",
        beat=f"{name}-beat.service",
        web_socket=f"{name}-web.socket",
        web=f"{name}-web@.service",
        metrics=f"{name}-metrics@.service",
        version=host.systemd_version,
        credentials=systemd and host.has_credentials,
        restart=variables.worker_restart,
        self_check=variables.worker_self_check and can_check,
        keep_connections=variables.keep_connections,
        share_memory=variables.share_memory,
    )


def _results(variables: Variables, code: Code, fleet: Fleet) -> Results:
    backend = variables.result_backend
    return Results(
        backend=results.in_settings(backend, code.prefix),
        word="" if "://" in backend else backend,
        expires=variables.result_expires,
        several_hosts=fleet.workers > 1,
    )


def _beat(variables: Variables, there: Places, canary: str, writes_schedule: bool) -> Beat:
    scheduler = variables.beat_scheduler
    return Beat(
        scheduler=scheduler,
        scheduler_class=SCHEDULERS.get(scheduler, scheduler),
        timezone=variables.timezone,
        # RedBeat's lock lets one of several send.
        several=scheduler == "redbeat",
        takeover=variables.beat_takeover,
        looks=tasks.looks(variables.beat_takeover),
        arguments=(
            "--loglevel=INFO",
            *(["--enable-remote-control"] if variables.broker.facts.has_control else []),
            # For schedulers that keep a file: not in the checkout, which is not the service's to change.
            f"--schedule={there.run}/beat-schedule",
        ),
        canary=canary,
        canary_interval=CANARY_INTERVAL,
        writes_schedule=writes_schedule,
    )


def _environment(variables: Variables, project: Project, there: Places, integrate: bool) -> dict[str, str]:
    """Return the environment of the processes, without the secrets."""
    return {
        "DJANGO_SETTINGS_MODULE": project.settings,
        "CELERY_STATE_PATH": there.run,
        # A folder is the broker where somebody says so: without a word, the processes would refuse it.
        **({"CELERY_BROKER_URL": _broker.EMBEDDED_URL} if variables.broker.embedded and integrate else {}),
        **_broker_environment(variables),
        **_import_environment(project),
        **variables.environment,
    }


def _check_database(project: Project, integrate: bool) -> None:
    if not integrate:
        raise DeploymentError(
            "celery_database_from_url is for projects that get their Celery app from this collection, and "
            f"{project.own_app.place} has one. Read DATABASE_URL in the project's settings."
        )
    if project.own_databases:
        raise DeploymentError(
            "celery_database_from_url is for projects that have no database but the SQLite of startproject. "
            f"This one has its own ({project.own_databases}), and they are used as they are. Leave the "
            "variable out, and read DATABASE_URL there if that is meant."
        )


def with_app(project: Project, wanted: str) -> Project:
    """Return the project with the Celery app that the inventory names, if it names one.

    Args:
        project: the discovered project.
        wanted: what ``celery -A`` takes, such as ``worker.celery:app``; empty for the discovered one.
    """
    found = project.celery_app
    if not wanted or (found and wanted in (found.address, found.module)):
        return project
    module, _colon, variable = wanted.partition(":")
    others = [*([found.place] if found else []), *project.other_celery_apps]
    file = f"{module.replace('.', '/')}.py:"
    place = next((place for place in others if place.startswith(file)), "")
    return replace(
        project,
        celery_app=App(module, variable, file="", place=place or "celery_project_app"),
        other_celery_apps=[other for other in others if other != place],
    )


def _broker_environment(variables: Variables) -> dict[str, str]:
    """Return what the settings fragment has to know of the broker, besides its URL."""
    found = {"CELERY_BROKER_CA": variables.broker_ca, "CELERY_BROKER_MASTER": variables.broker_master}
    if variables.broker_tls and variables.broker_master:
        found["CELERY_BROKER_TLS"] = "1"  # all other URLs say it themselves
    return {name: value for name, value in found.items() if value}


def _import_environment(project: Project) -> dict[str, str]:
    """Return what manage.py does for itself, and Celery's processes have to be told."""
    # What wsgi.py sets before Django starts.
    found = {line.name: line.value for line in project.entry_lines if line.kind == "variable" and line.known}
    if project.entry_files:
        files = [[line.loader, line.file, line.replaces] for line in project.entry_files]
        found["CELERY_ENTRY_FILES"] = json.dumps(files)
    if project.import_paths:
        found["PYTHONPATH"] = ":".join(project.import_paths)
    if project.configuration:
        found["DJANGO_CONFIGURATION"] = project.configuration
    return found


def _sandbox_of(there: Places, variables: Variables, project: Project) -> Sandbox:
    """Decide what the processes may do."""
    in_a_file = project.database in ("sqlite3", "url", "") and not variables.uses_postgresql
    base, given = project.base, list(variables.writable_paths)
    if variables.release:
        given.append(os.path.join(variables.release, store.SHARED))
    try:
        writable = sandbox.writable(there.run, given, base, in_a_file)
    except sandbox.SandboxError as error:
        raise DeploymentError(str(error)) from None
    return Sandbox(
        writable=tuple(writable),
        protect_home=sandbox.protect_home([base, there.venv, there.state, *given]),
        worker_overrides=variables.worker_overrides,
        beat_overrides=variables.beat_overrides,
        web_overrides=variables.web_overrides,
    )


def _name_of(variables: Variables, project: Project) -> str:
    """Return the deployment's name.

    Raises:
        DeploymentError: it cannot name units, or nothing that was found tells this project from others.
    """
    given, recorded = variables.project_name, project.recorded_name
    name = _names.project_name(given, project.package, project.path, recorded)
    check_name(name)
    # What runs already keeps its name until it is removed.
    if not (given or recorded or variables.removing) and _names.says_nothing(name, project.package):
        raise DeploymentError(
            f"{name!r}, which {project.path} and its package give, is no name: units, the user and the "
            "keys in the broker would be called like those of any project, or of one release. Set "
            f"celery_project_name, such as {_names.suggestion(project.path)}, for all hosts."
        )
    return name


def _uses_systemd(wanted: str, host: Host) -> bool:
    if wanted == "none":
        return False
    if wanted == "systemd":
        if not host.has_systemd:
            raise DeploymentError(
                "celery_service_manager is systemd, but systemd does not run this host. "
                "Set it to auto or none."
            )
        if not host.is_root:
            raise DeploymentError(
                "celery_service_manager is systemd, and units need root. "
                "Run with become: true (or -b), or set it to none."
            )
    return bool(host.has_systemd and host.is_root)


def _integrate(wanted: str, project: Project) -> bool:
    existing = project.celery_app
    if wanted == "never" and not existing:
        raise DeploymentError(
            f"celery_project_integrate is never, but no Celery app is in {project.base}: there is "
            "nothing like app = Celery(…) in it. Set it to auto."
        )
    if wanted == "auto":
        return project.integrated or not existing
    if wanted == "always" and project.package_line:
        file = os.path.join(project.package_path, "__init__.py")
        raise DeploymentError(
            f"{file}:{project.package_line}: celery_app is there already, and celery_project_integrate: "
            "always would give the name to another app. Rename it there, or set the variable to auto."
        )
    return wanted == "always"
