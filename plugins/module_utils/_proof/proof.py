# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prove a deployment on its host: against the units that run, or against processes for the time of it."""

from __future__ import annotations

import re
import textwrap
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from .._deployment import Deployment, PoolUnit
from .._project.python import SHELL, ProjectError, ProjectPython
from .._project.scripts import prove as inside_prove
from .._runtime import packages
from .._services.systemd import Systemd
from .._services.web import Site
from . import site, trial, web

#: No line of the table is longer, where it can be broken.
_SCREEN = 100
#: What makes beat answer to a ping; the launcher of the units knows when to leave it out.
BEAT_ANSWERS = "--enable-remote-control"


@dataclass(frozen=True)
class Asked:
    """What the user says of the proof."""

    #: Seconds for each answer.
    timeout: int
    #: Tasks that workers need not know: names, and patterns as of fnmatch.
    ignored: Sequence[str] = ()

    def sort(self, tasks: Mapping[str, str]) -> tuple[dict[str, str], dict[str, list[str]]]:
        """Return the tasks that have to be there, and those that each pattern takes out of it."""
        out = {pattern: [name for name in tasks if fnmatchcase(name, pattern)] for pattern in self.ignored}
        gone = {name for names in out.values() for name in names}
        return {name: place for name, place in tasks.items() if name not in gone}, out


def prove(
    project: ProjectPython,
    deployment: Deployment,
    hostname: str,
    asked: Asked,
    check: bool,
    pending: bool = False,
) -> list[dict[str, Any]]:
    """Return the proofs, each with ``name``, ``ok`` and ``detail``, and ``skipped`` where nobody was asked.

    Args:
        project: how the project is run.
        deployment: the decisions.
        hostname: what the host calls itself, as in its workers' node names.
        asked: what the user has to say to it.
        check: start nothing, and send nothing.
        pending: with *check*, a change is told that is not made, so what runs knows nothing of it.

    Raises:
        ProjectError: the project's settings do not load.
        TrialError: a process for the time of the proof did not get ready.
    """
    pools, code = deployment.running_pools, deployment.code
    beat = deployment.has_beat
    expected, ignored = asked.sort(deployment.tasks.expected)
    mute = beat and not (deployment.broker.has_control and _beat_answers(deployment))
    job = {
        "app": code.app,
        "settings": code.settings,
        "tasks": expected,
        "ignored": ignored,
        "integrated": code.integrate,
        "canary": deployment.beat.canary,
        "places": code.celery_settings,
        "timeout": asked.timeout,
        "interval": deployment.beat.canary_interval,
        "several_beats": deployment.beat.several,
        "since": 0.0,
        "beat": beat and not mute,
        "mute": mute,
        "control": deployment.broker.has_control,
        "send": not check,
        "pending": check and pending,
        "production": deployment.run.systemd,
    }
    if job["pending"]:
        return _before_a_change(project, job)
    if deployment.run.systemd:
        units = _running_units(deployment.name, pools)
        nodes = {f"{node}@{hostname}": queue for node, queue in units.values()}
        running = {name.partition(".")[0] for name in nodes}
        missing = [pool.name for pool in pools if pool.name not in running]
        made = _ask(project, deployment, {**job, "nodes": nodes})
        unit = deployment.units.beat
        runs = [_runs(deployment, "the unit", Systemd().states([unit]).get(unit) == "active")] if mute else []
        serves = [site.prove(Site.of(deployment), deployment.web.listen, Systemd())] * deployment.has_web
        proofs = [*_not_running(deployment.name, missing), *made, *runs, *serves]
        if not all(entry["ok"] for entry in proofs):
            who = [*units, *([unit] if beat else [])]
            proofs += _errors([(name, Systemd().last_error(name)) for name in who])
        return proofs
    nodes = {f"{pool.name}.trial@{hostname}": pool.queues[0] for pool in pools}
    if check:
        still = {**job, "nodes": {}, "beat": False, "mute": False}
        return list(project.run(inside_prove, still, role=SHELL)["proofs"])
    commands = [
        trial.Command(
            f"the worker of pool {pool.name}",
            ["-A", code.app, "worker", *pool.arguments, f"--hostname={node}"],
        )
        for pool, node in zip(pools, nodes, strict=True)
    ]
    if beat:
        arguments = [word for word in deployment.beat.arguments if not mute or word != BEAT_ANSWERS]
        commands.append(trial.Command("beat", ["-A", code.app, "beat", *arguments]))
    job["since"] = time.time()
    environment = {"CELERY_CANARY": deployment.beat.canary}
    with trial.running(project, deployment.places.launcher, commands, environment) as started:
        proofs = _ask(project, deployment, {**job, "nodes": nodes})
        if not all(entry["ok"] for entry in proofs):
            proofs += _errors([(running.name, running.last_error()) for running in started])
        return [*proofs, *([_runs(deployment, "the process", started[-1].runs())] if mute else [])]


def _ask(project: ProjectPython, deployment: Deployment, job: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the proofs that the project's Python makes, and the one about the web's databases."""
    if not deployment.code.web:
        return list(project.run(inside_prove, job, role=SHELL)["proofs"])
    with ThreadPoolExecutor(1) as aside:
        answer_of_web = aside.submit(web.ask, project, deployment)
        answer = project.run(inside_prove, job, role=SHELL)
        proofs = list(answer["proofs"])
        place = next((n for n, entry in enumerate(proofs) if "migrated" in entry["name"]), -1) + 1
        if answer["databases"]:
            proofs.insert(place, web.compare(deployment, answer["databases"], answer_of_web.result()))
        return proofs


def _errors(told: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return what the processes of a proof that failed have told last: the reason is often there alone."""
    return [
        {"name": "last error", "ok": False, "detail": f"{name} says: {text}"} for name, text in told if text
    ]


def _before_a_change(project: ProjectPython, job: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what holds before the change as well as after it: the old workers would be asked of new code."""
    rest = inside_prove.skipped("workers, tasks and beat", "this run would replace the workers")
    try:
        answer = project.run(inside_prove, {**job, "nodes": {}, "beat": False, "mute": False}, role=SHELL)
    except ProjectError as error:
        why = f"the project does not load before this run's change ({error})"
        return [inside_prove.skipped("settings loaded", why), rest]
    return [*answer["proofs"], rest]


def _beat_answers(deployment: Deployment) -> bool:
    """Tell whether beat knows remote control: it is new in Celery 5.7, and a project may have its own."""
    if deployment.code.integrate:
        return True
    version = packages.versions([deployment.places.venv]).get("celery", "")
    return not re.match(r"[0-4]\.|5\.[0-6]\b", version)


def _runs(deployment: Deployment, what: str, ok: bool) -> dict[str, Any]:
    """Return the proof of a beat that nobody can ask."""
    why = "before Celery 5.7, beat" if deployment.broker.has_control else "over this broker, it"
    return {
        "name": "beat runs",
        "ok": ok,
        "detail": f"{what} {'does' if ok else 'does not'}; {why} cannot be asked",
    }


def table(proofs: list[dict[str, Any]]) -> list[str]:
    """Return the proofs as lines of text, in columns, none longer than a screen."""
    width = max((len(proof["name"]) for proof in proofs), default=0)
    return [line for proof in proofs for line in _wrapped(proof, width)]


def _wrapped(proof: Mapping[str, Any], width: int) -> list[str]:
    head = f"{_mark(proof)}  {proof['name']:<{width}}  "
    # Commands and paths stay whole.
    lines = textwrap.wrap(
        str(proof["detail"]),
        _SCREEN,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines or [head.rstrip()]


def _mark(proof: Mapping[str, Any]) -> str:
    if proof.get("skipped"):
        return "-     "
    return "ok    " if proof["ok"] else "FAILED"


def _running_units(name: str, pools: Sequence[PoolUnit]) -> dict[str, tuple[str, str]]:
    """Return the units that run, each with its node's name and a queue that it serves."""
    found = {}
    states = Systemd().states([f"{name}-worker-*@*.service"])
    for unit, state in states.items():
        template, _at, generation = unit.removesuffix(".service").partition("@")
        for pool in pools:
            if template == f"{name}-worker-{pool.name}" and state == "active":
                found[unit] = (f"{pool.name}.{generation}", pool.queues[0])
    return found


def _not_running(name: str, pools: list[str]) -> list[dict[str, Any]]:
    return [
        {
            "name": f"units of pool {pool}",
            "ok": False,
            "detail": f"none is active, see: systemctl status '{name}-worker-{pool}@*'",
        }
        for pool in pools
    ]
