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
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from .. import _data
from .._deployment import Deployment, PoolUnit
from .._project import known_settings, review
from .._project.python import SHELL, ProjectError, ProjectPython
from .._project.scripts import (
    answers,
    causes,
    configured,
    declared,
    messages,
    periodic,
    preflight,
    waiting,
)
from .._project.scripts import prove as inside_prove
from .._project.scripts import review as inside_review
from .._runtime import packages
from .._services.systemd import Systemd
from .._services.web import Site
from . import checks as _checks
from . import site, trial, web

#: What the script imports, each after those that it imports itself.
SCRIPTS = (
    answers,
    periodic,
    preflight,
    inside_review,
    messages,
    waiting,
    causes,
    configured,
    declared,
)

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
    #: What is to be proven, as of :data:`checks.NAMES`; empty: all of it.
    checks: Sequence[str] = ()
    #: The hosts of the deployment, for the one that asks for all of them; and those that are left out.
    fleet: Sequence[Mapping[str, Any]] = ()
    unasked: Sequence[str] = ()
    #: The variables that the settings have no default for: name and place.
    wanted: Mapping[str, str] = field(default_factory=dict)
    #: The units that are asked, as others may run beside them; none: all that run.
    units: Sequence[str] = ()

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Asked:
        """Take the arguments of the module celery_proof."""
        fleet = given["fleet"]
        return cls(
            given["timeout"],
            tuple(given["ignored_tasks"]),
            tuple(given["checks"]),
            tuple(fleet.get("hosts") or ()),
            tuple(fleet.get("unasked") or ()),
            given["wanted"],
            tuple(given.get("units") or ()),
        )

    def wants(self, check: str) -> bool:
        """Tell whether a check was chosen; all are where none was."""
        return check in (self.checks or _checks.NAMES)

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
    """Return the proofs, each with ``name``, ``ok`` and ``detail``.

    And with ``skipped`` where nobody was asked, ``warned`` where it works and somebody should look at it.

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
    pools, code = deployment.working_pools, deployment.code
    beat = deployment.has_beat
    expected, ignored = asked.sort(deployment.tasks.expected)
    mute = beat and not (deployment.broker.has_control and _beat_answers(deployment))
    job = {
        "app": code.app,
        "settings": code.settings,
        "checks": list(asked.checks),
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
        **_of_deployment(deployment, asked),
        "given": sorted(project.environment),
    }
    if job["pending"]:
        return _before_a_change(project, deployment, job)
    if deployment.run.systemd:
        units = _running_units(deployment.name, pools)
        if asked.units:
            units = {unit: node for unit, node in units.items() if unit in asked.units}
            # Beat is another matter, and later.
            job.update(beat=False, mute=False, canary="")
        nodes = {f"{node}@{hostname}": queue for node, queue in units.values()}
        running = {name.partition(".")[0] for name in nodes}
        missing = [pool.name for pool in pools if pool.name not in running and asked.wants("workers")]
        letters = [node for node in nodes if node.partition(".")[0] in deployment.letter_pools]
        made = _ask(project, deployment, {**job, "nodes": nodes, "letters": letters})
        unit = deployment.units.beat
        runs = (
            [_runs(deployment, "the unit", Systemd().states([unit]).get(unit) == "active")]
            if job["mute"] and asked.wants("beat")
            else []
        )
        serves = (
            [site.prove(Site.of(deployment), deployment.web.listen, Systemd())]
            if deployment.has_web and not asked.units and asked.wants("site")
            else []
        )
        rests = [_drained(deployment)] if deployment.run.drained and asked.wants("drained") else []
        proofs = [*rests, *_not_running(deployment.name, missing), *made, *runs, *serves]
        if not all(entry["ok"] for entry in proofs):
            who = [*units, *([unit] if beat else [])]
            proofs += _errors([(name, Systemd().last_error(name)) for name in who])
        return proofs
    nodes = {f"{pool.name}.trial@{hostname}": pool.queues[0] for pool in pools}
    if check:
        still = {**job, "nodes": {}, "beat": False, "mute": False}
        return _made(project, deployment, still)
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
        return [
            *proofs,
            *([_runs(deployment, "the process", started[-1].runs())] if mute and asked.wants("beat") else []),
        ]


def _of_deployment(deployment: Deployment, asked: Asked) -> dict[str, Any]:
    """Return what the newer proofs compare with: what was decided for the host, and for all of them."""
    pools = deployment.working_pools
    own = {queue for pool in pools for queue in pool.queues}
    in_fleet = {queue for host in asked.fleet for queues in host["pools"].values() for queue in queues}
    resting = {queue for host in asked.fleet for queue in host.get("resting") or ()}
    return {
        "pools": {pool.name: _data.as_data(pool) for pool in pools},
        "limits": {
            "pools": [_data.as_data(pool) for pool in pools],
            "visibility": deployment.limits.visibility_timeout,
            "consumer": deployment.limits.consumer_timeout,
            "own_app": not deployment.code.integrate,
            "counts": deployment.broker.counts_visibility,
        },
        "served": list(deployment.run.served),
        "others": sorted({*deployment.run.served} - own - in_fleet),
        "resting": sorted(resting - in_fleet),
        # Nobody is left who could do what beat sends.
        "idle": bool(asked.fleet) and not in_fleet and bool(resting),
        "letters": [],
        "fleet": list(asked.fleet),
        "unasked": list(asked.unasked),
        "unlisted": list(known_settings.UNLISTED),
        "wanted": dict(asked.wanted),
        # That of a project's own app is in its settings.
        "scheduler": deployment.beat.scheduler_class if deployment.code.integrate else "",
        "declared": [entry.as_data() for entry in deployment.tasks.schedule]
        if deployment.beat.writes_schedule
        else [],
    }


def _made(
    project: ProjectPython, deployment: Deployment, job: Mapping[str, Any], web_asked: Any = None
) -> list[dict[str, Any]]:
    """Return the proofs that the project's Python makes.

    Args:
        project: how the project is run.
        deployment: the decisions.
        job: what the script is given.
        web_asked: gives what the web's entry point says, where that is asked beside it.
    """
    answer = project.run(inside_prove, job, role=SHELL, scripts=SCRIPTS)
    proofs = [_settled(deployment, entry) for entry in answer["proofs"]]
    if web_asked is not None and answer["databases"]:
        place = next((n for n, entry in enumerate(proofs) if "migrated" in entry["name"]), -1) + 1
        proofs.insert(place, web.compare(deployment, answer["databases"], web_asked.result()))
    return proofs


def _settled(deployment: Deployment, entry: dict[str, Any]) -> dict[str, Any]:
    """Return a proof, with what only the files of the checkout can tell of it."""
    if "unknown" not in entry:
        return entry
    unread = review.unread(deployment.code.base, entry.pop("unknown"))
    if not unread:
        return entry
    places = deployment.code.celery_settings
    texts = [f"{name} ({places[name]})" if name in places else name for name in unread]
    text = f"Celery ignores {answers.listed(texts)}"
    return {**entry, "detail": text, "warned": True}


def _ask(project: ProjectPython, deployment: Deployment, job: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the proofs that the project's Python makes, and the one about the web's databases."""
    if not deployment.code.web or "web" not in (job["checks"] or _checks.NAMES):
        return _made(project, deployment, job)
    with ThreadPoolExecutor(1) as aside:
        return _made(project, deployment, job, aside.submit(web.ask, project, deployment))


def _errors(told: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return what the processes of a proof that failed have told last: the reason is often there alone."""
    return [
        {"name": "last error", "ok": False, "detail": f"{name} says: {text}"} for name, text in told if text
    ]


def _before_a_change(
    project: ProjectPython, deployment: Deployment, job: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return what holds before the change as well as after it: the old workers would be asked of new code."""
    rest = inside_prove.skipped("workers, tasks and beat", "this run would replace the workers")
    try:
        still = {**job, "nodes": {}, "beat": False, "mute": False, "fleet": []}
        made = _made(project, deployment, still)
    except ProjectError as error:
        why = f"the project does not load before this run's change ({error})"
        return [inside_prove.skipped("settings loaded", why), rest]
    return [*made, rest]


def _beat_answers(deployment: Deployment) -> bool:
    """Tell whether beat knows remote control: it is new in Celery 5.7, and a project may have its own."""
    if deployment.code.integrate:
        return True
    version = packages.versions([deployment.places.venv]).get("celery", "")
    return not re.match(r"[0-4]\.|5\.[0-6]\b", version)


def _drained(deployment: Deployment) -> dict[str, Any]:
    """Return the row of a host that somebody has drained: no fault, and not to be forgotten."""
    text = f"drained {deployment.run.drained}: its workers start with `{deployment.name}-celery resume`"
    return {
        "name": "host runs tasks",
        "ok": True,
        "warned": True,
        "detail": text,
    }


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
    if proof.get("warned"):
        return "WARN  "
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
