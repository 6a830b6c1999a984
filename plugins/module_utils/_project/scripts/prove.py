# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask the running system whether it does what it should: each answer is one proof."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from fnmatch import fnmatchcase
from importlib import import_module
from typing import Any

from . import answers, causes, configured, declared, waiting
from .answers import Verdict, listed
from .common import choose, databases, is_empty, place, queue_of, read_only, void
from .messages import OWN_TASK, ROUND_TRIP_TASK, Messages, Sent
from .review import unknown_settings

#: Seconds to wait for the answers of all beats, where nobody says how many there are.
BEATS_TIMEOUT = 1.5
#: Seconds by which the clocks of hosts may differ: messages expire, and results have times.
CLOCKS = 5.0
#: What each worker is asked, beside each other.
QUESTIONS = ("ping", "registered", "stats", "active_queues")
#: What beat answers to where it is run as a service (runtime/celeriac_service).
SCHEDULE = "celeriac_schedule"


class AllAnsweredError(Exception):
    """Nobody is left who could answer: there is nothing to wait for."""


def main(job: dict[str, Any]) -> dict[str, Any]:
    """Run the proofs.

    Args:
        job: ``app``: what ``celery -A`` takes; ``settings``; ``tasks``: names in the source, each
            with its place; ``integrated``: whether the app is ours; ``nodes``: node name to one queue
            that it serves; ``beat``: whether one is expected to answer; ``mute``: whether one runs
            that cannot be asked; ``several_beats``: whether more may answer, because a lock lets one of
            them send; ``places``: where settings of Celery stand; ``control``: whether the broker lets
            workers be asked; ``canary``: the id of the canary's result, empty where there is none;
            ``timeout``: seconds for each answer; ``send``: whether tasks may be sent; ``pending``: whether
            this is before a change, which migrates; ``ignored``: patterns that take tasks out of the proof,
            each with these; ``production``: whether services run with these settings; ``checks``: what is
            to be proven, each by its name; ``pools``: those of the host, by name; ``letters``: nodes that
            read letters; ``fleet``: all hosts of the deployment, for the one that asks for all of them;
            ``unasked``: hosts that are left out; ``limits``: as of :func:`configured.limits`;
            ``served``, ``others``: the queues that somebody serves, and that others do; ``resting``: those of
            drained hosts alone; ``idle``: whether all hosts with workers are drained; ``unlisted``:
            settings that Celery reads though its list has them not; ``wanted``: variables without a
            default, each with its place; ``given``: the names of the others; ``scheduler``: the class;
            ``declared``: the periodic tasks of the inventory, where they are in tables.
    """
    import django

    django.setup()
    import celery
    from celery.app.utils import find_app

    app = find_app(job["app"])
    app.loader.import_default_modules()
    proofs = Proofs(app, job, tuple(celery.VERSION[:3]))
    reasons = void(app, job["places"])
    if reasons:
        # Each of the other proofs would be of something else than a worker.
        row = proof("tasks reach workers", False, "; ".join(reasons))
        return {"proofs": [*proofs.of_settings(), row], "databases": {}}
    proofs.begin()
    results = [*proofs.of_settings(), *proofs.of_workers(), *proofs.of_messages(), *proofs.of_beat()]
    return {"proofs": results, "databases": databases()}


@contextlib.contextmanager
def receivers() -> Iterator[list[int]]:
    """Note to how many went what this thread publishes meanwhile: a Redis says so, and it alone."""
    numbers: list[int] = []
    try:
        client_class = import_module("redis").Redis
    except ImportError:
        yield numbers
        return
    thread = threading.get_ident()
    publish = client_class.publish

    def noting(client: Any, *args: Any, **kwargs: Any) -> Any:
        number = publish(client, *args, **kwargs)
        if threading.get_ident() == thread and isinstance(number, int):
            numbers.append(number)
        return number

    client_class.publish = noting
    try:
        yield numbers
    finally:
        client_class.publish = publish


def proof(name: str, ok: bool, detail: str) -> dict[str, Any]:
    """Return one line of the report."""
    return {"name": name, "ok": ok, "detail": detail}


def row(name: str, verdict: Verdict) -> dict[str, Any]:
    """Return the line of a verdict."""
    warned = {"warned": True} if verdict.ok and verdict.warns else {}
    return {**proof(name, verdict.ok, verdict.text), **warned}


def skipped(name: str, why: str) -> dict[str, Any]:
    """Return the line of what cannot be proven before a change, which is no fault."""
    return {**proof(name, True, f"not asked: {why}"), "skipped": True}


def _unfit(settings: Any, environment: Mapping[str, str]) -> list[str]:
    """Return what works in production, and should not be."""
    module, told = settings.SETTINGS_MODULE, []
    if settings.DEBUG:
        told.append(
            f"DEBUG is on in {module}, with which the services run: errors show the settings to everybody, "
            "and each query of a task stays in memory. Turn it off there, or name the settings of production "
            "in celery_project_settings."
        )
    given, key = environment.get("SECRET_KEY"), str(settings.SECRET_KEY)
    if given and given != key:
        told.append(
            f"SECRET_KEY is in celery_secrets, and {module} has another one: nobody reads it. There, write "
            'SECRET_KEY = os.environ["SECRET_KEY"].'
        )
    elif key.startswith("django-insecure-"):
        told.append(
            f"SECRET_KEY in {module} is the one that startproject has made, and in the repository. Read it "
            "from the environment, and put a new one into celery_secrets."
        )
    return told


class Proofs:
    """The proofs that one run makes."""

    def __init__(self, app: Any, job: dict[str, Any], version: tuple[int, ...] = (5, 7)) -> None:
        self.app = app
        self.job = job
        self.timeout = float(job["timeout"])
        self.version = version
        self.messages = Messages(app, self.timeout)
        self._asked: dict[str, Future[Any]] = {}

    def wants(self, check: str) -> bool:
        """Tell whether a check was chosen; all are where none was."""
        return check in (self.job.get("checks") or (check,))

    def begin(self) -> None:
        """Ask all nodes, beside the proofs that need no answer of theirs."""
        aside = ThreadPoolExecutor(len(QUESTIONS) + 1)
        if self.job["control"] and self.job["nodes"]:
            for method in QUESTIONS:
                self._asked[method] = aside.submit(self._inspect, method)
        if self.job["control"] and (self.job["beat"] or self.job.get("fleet")):
            # Who wants all answers has to wait.
            self._asked["everybody"] = aside.submit(self._everybody)
        aside.shutdown(wait=False)

    def _answers(self, method: str) -> dict[str, Any]:
        """Return what the host's own workers answer."""
        if method not in self._asked:
            return self._inspect(method)
        found: dict[str, Any] = self._asked[method].result()
        return found

    def of_settings(self) -> list[dict[str, Any]]:
        """Return the proofs that need no broker."""
        found = []
        if self.wants("settings"):
            found.append(self.settings())
        if self.wants("known_settings"):
            found.append(self.known_settings())
        if self.wants("variables"):
            verdict = configured.variables(self.job["wanted"], self.job["given"], os.environ)
            found.append(row("variables set", verdict))
        if self.wants("secrets"):
            from django.conf import settings

            files = configured.files_of_settings(settings.SETTINGS_MODULE)
            found.append(row("secrets kept", configured.secrets(settings, files, os.environ)))
        if self.wants("limits") and self.job["pools"]:
            found.append(row("limits fit", configured.limits(self.app, self.job["limits"])))
        if self.wants("tables"):
            found.append(self.tables())
        return found

    def of_workers(self) -> list[dict[str, Any]]:
        """Return the proofs that ask the workers."""
        found = []
        if self.job["nodes"]:
            found += [self.workers()] if self.wants("workers") else []
            if self.wants("pools") and self.job["control"]:
                found.append(row("pools as declared", self.pools()))
        if self.job.get("fleet") and self.job["control"]:
            found += self.of_fleet()
        if self.job["nodes"]:
            found += [self.tasks()] if self.wants("tasks") else []
            if self.wants("code") and self.job["control"]:
                found.append(row("no other tasks", self.others()))
        return found

    def pools(self) -> Verdict:
        """The workers of the host run what was decided for them."""
        given, nodes = self.job["pools"], list(self.job["nodes"])
        verdict = answers.pools(given, nodes, self._answers("stats"), self._answers("active_queues"))
        if verdict.ok:
            return verdict
        # A process that is replaced by the next one, as after max_tasks_per_child, is missing for a moment.
        time.sleep(1)
        return answers.pools(given, nodes, self._inspect("stats"), self._inspect("active_queues"))

    def of_fleet(self) -> list[dict[str, Any]]:
        """Return the proofs about all hosts of the deployment."""
        _beats, queues = self._asked["everybody"].result()
        found = []
        if self.wants("fleet"):
            verdict = answers.fleet(self.job["fleet"], list(queues), queues, self.job["unasked"])
            found.append(row("whole fleet", verdict))
        if self.wants("queues"):
            users = self._users()
            names = {*users, *self.job["served"]}
            depths, ages = waiting.look(self.app, sorted(names))
            others = {*self.job["others"], *(self.job["served"] if self.job["unasked"] else ())}
            verdict = answers.consumed(depths, users, queues, ages, others, self.job.get("resting") or ())
            found.append(row("queues consumed", verdict))
        return found

    def _users(self) -> dict[str, str]:
        """Return the queues that the code sends to, each with a task that goes there."""
        users: dict[str, str] = {}
        for name in sorted(self.job["tasks"]):
            task = self.app.tasks.get(name)
            if task is not None:
                users.setdefault(queue_of(self.app, task), name)
        return users

    def of_messages(self) -> list[dict[str, Any]]:
        """Return the proofs that send something: all is under way before the first answer is waited for."""
        if not (self.job["nodes"] and self.job.get("send", True)):
            return []
        trips = self.job["nodes"] if self.wants("round_trip") else {}
        sent = (
            {node: self.messages.send(queue) for node, queue in trips.items()} if self._has_results() else {}
        )
        direct, failing = self.send_to_nodes()
        found = [self.round_trip(node, queue, sent.get(node)) for node, queue in trips.items()]
        found += self.each_node(direct)
        found += [self.errors(*failing)] if self.wants("errors") and failing else []
        return [*found, *(self.transactions() if self.wants("transactions") else [])]

    def of_beat(self) -> list[dict[str, Any]]:
        """Return the proofs about beat."""
        found = []
        if self.wants("beat"):
            if self.job["beat"]:
                found += [self.one_beat(self._asked["everybody"].result()[0]), self.beat()]
            elif self.job["mute"] and self.sees_canary():
                found.append(self.beat())
        if self.wants("schedule") and (self.job["beat"] or self.job["mute"]):
            found.append(row("schedule as declared", self.schedule()))
        return found

    def schedule(self) -> Verdict:
        """Beat runs what was declared, and all of it can be done."""
        found, running = self._schedules()
        # Beat reads its tables again where somebody changes them, itself at its start among them.
        end = time.monotonic() + declared.patience(self.app)
        while running is not None and declared.other(found, running) and time.monotonic() < end:
            time.sleep(0.5)
            found, running = self._schedules()
        around = declared.Around(
            self.app.tasks,
            self.job["served"],
            declared.differences(self.job["app"], self.job["declared"]),
            # Due at once after each start; whether it fires is a row of its own.
            (self.job["canary"],),
        )
        return declared.verdict(found, running, around)

    def _schedules(self) -> tuple[list[declared.Entry], Mapping[str, Any] | None]:
        """Return the periodic tasks that beat is to have, and those that it says it has."""
        running = None
        if self.job["beat"]:
            nodes = list(self._asked["everybody"].result()[0])[:1]
            replies = self.app.control.broadcast(
                SCHEDULE, destination=nodes, reply=True, timeout=BEATS_TIMEOUT, limit=1
            )
            # A scheduler that keeps nothing in memory tells nothing, nor does a beat of an older service.
            running = next(
                (one["ok"] for reply in replies or () for one in reply.values() if one.get("ok")), None
            )
        return declared.entries(self.app, self.job["scheduler"]), running

    def known_settings(self) -> dict[str, Any]:
        """Celery knows each of the settings that look like its own."""
        unknown = unknown_settings(self.app.namespace, self.job["unlisted"])
        # Whether the project reads them itself is to be seen in its files.
        return {
            **proof("settings known", True, "Celery knows all that begin like its own"),
            "unknown": unknown,
        }

    def others(self) -> Verdict:
        """Workers know no task that this code has not."""
        ignored = [OWN_TASK, *(self.job.get("ignored") or {})]
        known = {
            node: [
                name
                for entry in names or ()
                if not any(fnmatchcase(name := entry.split(" ")[0], pattern) for pattern in ignored)
            ]
            for node, names in self._answers("registered").items()
        }
        here, installed = os.getcwd() + os.sep, os.path.realpath(os.path.dirname(os.__file__))
        loaded = {}
        for name, task in self.app.tasks.items():
            module = str(getattr(task, "__module__", ""))
            file = str(getattr(sys.modules[module], "__file__", "")) if module in sys.modules else ""
            own = file.startswith(here) and "site-packages" not in file and not file.startswith(installed)
            loaded[name] = "" if own else module.partition(".")[0] or "celery"
        return answers.others(known, self.job["tasks"], loaded)

    def settings(self) -> dict[str, Any]:
        """The settings module that production runs with is the one that is loaded."""
        from django.conf import settings

        loaded = settings.SETTINGS_MODULE
        wanted = self.job["settings"]
        text = loaded if loaded == wanted else f"{loaded} is loaded, {wanted} should be"
        found = proof("settings loaded", loaded == wanted, text)
        told = _unfit(settings, os.environ) if self.job.get("production") else []
        return {**found, "told": told} if told else found

    def tables(self) -> dict[str, Any]:
        """Every app's migrations are applied."""
        from django.apps import apps
        from django.db import connections
        from django.db.migrations.executor import MigrationExecutor

        name = "apps and tables migrated"
        applied = 0
        done: set[tuple[str, ...]] = set()
        for alias in choose(list(connections), ())[0]:
            connection = connections[alias]
            if place(connection) in done or read_only(connection):
                continue
            done.add(place(connection))
            executor = MigrationExecutor(connection)
            plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
            if plan and self.job.get("pending"):
                return skipped(name, f"this run would apply {len(plan)} migrations")
            if plan:
                where = "" if alias == "default" else f" in the database {alias!r}"
                text = f"{len(plan)} migrations are not applied{where}, the first is {plan[0][0]}"
                return proof(name, False, text)
            applied += len(executor.loader.applied_migrations or ())
        databases = f" in {len(done)} databases" if len(done) != 1 else ""
        installed = len(list(apps.get_app_configs()))
        return proof(name, bool(done), f"{installed} apps, {applied} migrations{databases}")

    def _inspect(self, method: str) -> dict[str, Any]:
        nodes = list(self.job["nodes"])
        deadline = time.monotonic() + self.timeout
        found: dict[str, Any] = {}
        while True:
            missing = [node for node in nodes if node not in found]
            inspect = self.app.control.inspect(destination=missing, timeout=1.5, limit=len(missing))
            found.update(getattr(inspect, method)() or {})
            if len(found) == len(nodes) or time.monotonic() > deadline:
                return found

    def workers(self) -> dict[str, Any]:
        """Every worker answers."""
        nodes = list(self.job["nodes"])
        if not self.job["control"]:
            return proof("workers answer", True, "not over this broker: the round trips stand for it")
        found = self._answers("ping")
        silent = [node for node in nodes if node not in found]
        text = f"{len(found)} of {len(nodes)}"
        return proof("workers answer", not silent, f"{text}, silent: {', '.join(silent)}" if silent else text)

    def tasks(self) -> dict[str, Any]:
        """Each task of the source is registered on each worker."""
        expected: dict[str, str] = self.job["tasks"]
        left_out = self._left_out()
        if not self.job["control"]:
            known = self.app.tasks
            unknown = [f"{name} ({place})" for name, place in expected.items() if name not in known]
            count = f"{len(expected) - len(unknown)} of {len(expected)}"
            text = f"{count} here; workers cannot be asked over this broker{left_out}"
            return proof("tasks registered", not unknown, "; ".join([text, *unknown]))
        known = {
            node: {entry.split(" ")[0] for entry in names or ()}
            for node, names in self._answers("registered").items()
        }
        missing = {
            name: [node for node in self.job["nodes"] if name not in known.get(node, ())] for name in expected
        }
        missing = {name: nodes for name, nodes in missing.items() if nodes}
        count = f"{len(expected) - len(missing)} of {len(expected)}"
        if not missing:
            return proof("tasks registered", True, f"{count}{left_out}")
        lines = [
            f"{name} ({expected[name]}) is not registered on {listed(nodes, 3)}: {self.why(name)}"
            for name, nodes in missing.items()
        ]
        advice = "celery_verify_ignored_tasks takes one out of the proof that is not meant for them"
        return proof("tasks registered", False, f"{count}{left_out}: {'; '.join(lines)}. {advice}")

    def why(self, name: str) -> str:
        """Return what keeps a task from being registered."""
        return causes.why(self.app, name, self.job["tasks"][name])

    def _left_out(self) -> str:
        """Return how many tasks the inventory takes out of the proof, and which of its patterns take none."""
        ignored: dict[str, list[str]] = self.job.get("ignored") or {}
        names = {name for found in ignored.values() for name in found}
        text = f", and {len(names)} not asked for (celery_verify_ignored_tasks)" if names else ""
        idle = [pattern for pattern, found in ignored.items() if not found]
        return text + (f"; celery_verify_ignored_tasks: no task is called {', '.join(idle)}" if idle else "")

    def _has_results(self) -> bool:
        from celery.backends.base import DisabledBackend

        return not (isinstance(self.app.backend, DisabledBackend) or self.app.conf.task_ignore_result)

    def round_trip(self, node: str, queue: str, sent: Sent | None) -> dict[str, Any]:
        """A task goes through the broker to a worker, and its result comes back."""
        pool = node.partition("@")[0].partition(".")[0]
        name = f"round trip, pool {pool}"
        if sent is None:
            return proof(name, True, "results are switched off: the workers' answers stand for it")
        ok, text = self._came_back(sent)
        return proof(name, ok, f"{text} through the queue {queue}")

    def _came_back(self, sent: Sent) -> tuple[bool, str]:
        """Wait for the result of a round trip; return whether it is right, and the time it took."""
        answer = self.messages.wait(sent)
        if not answer.arrived:
            return False, f"no result after {self.timeout:.0f} s"
        if answer.value != sent.token:
            return False, f"another result: {answer.value!r}"
        return True, answer.took_text

    def send_to_nodes(self) -> tuple[dict[str, Sent], tuple[str, Sent] | None]:
        """Send our own task to each node that reads letters, and one that is to fail to the first of them."""
        chosen = self.wants("nodes") or self.wants("clocks")
        if not self._has_results() or not self.job["control"] or not (chosen or self.wants("errors")):
            return {}, None
        known = self._answers("registered")
        nodes = [node for node in self.job["letters"] if OWN_TASK in (known.get(node) or ())]
        first = next(((node, sent) for node in nodes if (sent := self.messages.send_to(node, True))), None)
        if not nodes and not self.job["production"]:
            # Nobody but the workers of this proof consumes their queues.
            node, queue = next(iter(self.job["nodes"].items()))
            first = (node, self.messages.send_own(queue)) if OWN_TASK in (known.get(node) or ()) else None
        if not chosen:
            return {}, first
        if self.job.get("fleet"):
            _beats, queues = self._asked["everybody"].result()
            nodes = [*nodes, *(node for node in self._of_other_hosts(queues) if node not in nodes)]
        under_way = {node: self.messages.send_to(node) for node in nodes}
        return {node: sent for node, sent in under_way.items() if sent}, first

    def _of_other_hosts(self, nodes: Mapping[str, Any]) -> list[str]:
        """Return the nodes of other hosts of the deployment that read letters."""
        letters = {
            (host["hostname"], pool) for host in self.job["fleet"] for pool in host.get("letters") or ()
        }
        found = []
        for node in nodes:
            name, _at, host = node.partition("@")
            if (host, name.rpartition(".")[0]) in letters:
                found.append(node)
        return found

    def each_node(self, under_way: Mapping[str, Sent]) -> list[dict[str, Any]]:
        """Each node does what was sent to it alone; and by what it says of the time, clocks agree."""
        came = {node: (sent, self.messages.wait(sent)) for node, sent in under_way.items()}
        right = {
            node: answer.value
            for node, (sent, answer) in came.items()
            if isinstance(answer.value, dict) and answer.value.get("token") == sent.token
        }
        found = []
        if self.wants("nodes"):
            silent = [
                f"{node} has not done it in {self.timeout:.0f} s"
                if not answer.arrived
                else f"{node} gives {answer.value!r}"
                for node, (_sent, answer) in came.items()
                if node not in right
            ]
            times = [f"{node} {came[node][1].took_text}" for node in right]
            if came:
                found.append(proof("each node works", not silent, "; ".join(silent) or listed(times)))
            elif self.job["letters"]:
                # Of a RabbitMQ that lets them have none, or an older service.
                found.append(skipped("each node works", "the workers have no queues of their own"))
        if self.wants("clocks") and len({node.partition("@")[2] for node in right}) > 1:
            measured = {
                node.partition("@")[2]: (came[node][0].at, float(value["time"]), came[node][1].at)
                for node, value in right.items()
            }
            found.append(row("clocks agree", answers.clocks(measured, CLOCKS)))
        return found

    def errors(self, node: str, sent: Sent) -> dict[str, Any]:
        """A task that fails is seen to have failed, with what it said."""
        answer = self.messages.wait(sent)
        name = "errors come back"
        if not answer.arrived:
            return proof(name, False, f"nothing after {self.timeout:.0f} s from {node}")
        if not answer.failed or sent.token not in str(answer.value):
            return proof(name, False, f"a task that failed on {node} has the result {answer.value!r}")
        return proof(name, True, f"{type(answer.value).__name__} in {answer.took_text}")

    def _counting(self, action: Callable[[], Any]) -> tuple[int, Any]:
        """Return how many tasks *action* has sent, and what it returned.

        Not by the signal before_task_publish: before Celery 5.7, receivers that come later are not called
        any more once another one has died.
        """
        amqp = self.app.amqp
        send = amqp.send_task_message
        sent: list[str] = []

        def counted(producer: Any, name: str, *args: Any, **kwargs: Any) -> Any:
            sent.append(name)
            return send(producer, name, *args, **kwargs)

        # Made once for the app, and kept in its place by Celery itself.
        amqp.send_task_message = counted
        try:
            value = action()
        finally:
            amqp.send_task_message = send
        return len(sent), value

    def _no_on_commit(self, name: str) -> dict[str, Any] | None:
        if hasattr(self.app.tasks[ROUND_TRIP_TASK], "apply_async_on_commit"):
            if not self.lacks_default():
                return None
            return proof(
                name, True, "nothing to prove: delay_on_commit waits for DATABASES['default'], which is empty"
            )
        # In a project's own app that is a choice, and a warning (celery_review) says what to do.
        chosen = not self.job["integrated"]
        if self.version < (5, 4):
            version = ".".join(map(str, self.version))
            text = f"nothing to prove: delay_on_commit came with Celery 5.4, and this is {version}"
            return proof(name, chosen, text)
        return proof(
            name,
            chosen,
            f"{'nothing to prove: ' if chosen else ''}tasks have no delay_on_commit: the app's task_cls "
            "does not inherit celery.contrib.django.task.DjangoTask",
        )

    def lacks_default(self) -> bool:
        """Tell whether there is no default database, whose transactions delay_on_commit waits for."""
        return is_empty("default")

    def transactions(self) -> list[dict[str, Any]]:
        """Tasks wait for the end of a transaction, in each database that has an app of the project's."""
        missing = self._no_on_commit("committed transaction")
        found = []
        if missing:
            names = ("rolled-back transaction", "committed transaction")
            found += [{**missing, "name": name} for name in names]
        aliases = [alias for alias in own_databases() if not (missing and alias == "default")]
        for alias in aliases:
            found += [self.rolled_back(alias), self.committed(alias)]
        if missing and missing["ok"] and not is_empty("default"):
            # What waits for DATABASES['default'] without our base class is transaction.on_commit alone.
            rolled, done = self.rolled_back("default", False), self.committed("default", False)
            found[:2] = [
                {**one, "detail": f"{one['detail']} by on_commit; {missing['detail']}"}
                for one in (rolled, done)
            ]
        return found

    def _dispatch(self, alias: str, delays: bool) -> list[Sent]:
        """Send in a transaction: by on_commit, and to the default database by delay_on_commit as well."""
        from django.db import transaction

        task, sent = self.app.tasks[ROUND_TRIP_TASK], []
        queue = next(iter(self.job["nodes"].values()))
        message = self.messages.prepared(queue)
        sent.append(self.messages.begun(message["task_id"]))
        transaction.on_commit(lambda: task.apply_async(**message), using=alias)
        if delays and alias == "default":
            other = self.messages.prepared(queue)
            sent.append(self.messages.begun(other["task_id"]))
            task.apply_async_on_commit(**other)
        return sent

    def rolled_back(self, alias: str, delays: bool = True) -> dict[str, Any]:
        """A transaction that is rolled back sends nothing."""
        from django.db import transaction

        class UndoError(Exception):
            pass

        def action() -> None:
            try:
                with transaction.atomic(using=alias):
                    self._dispatch(alias, delays)
                    raise UndoError
            except UndoError:
                pass

        sent, _value = self._counting(action)
        name = _in_database("rolled-back transaction", alias)
        return proof(name, sent == 0, "sent nothing" if sent == 0 else f"sent {sent} tasks")

    def committed(self, alias: str, delays: bool = True) -> dict[str, Any]:
        """A transaction that is committed sends its tasks once, and not before its end."""
        from django.db import transaction

        name = _in_database("committed transaction", alias)

        def action() -> tuple[int, list[Sent]]:
            with transaction.atomic(using=alias):
                return self._counting(lambda: self._dispatch(alias, delays))

        number, (early, sent) = self._counting(action)
        if (early, number) != (0, len(sent)):
            return proof(name, False, f"sent {number} tasks of {len(sent)}, {early} of them too early")
        what = "its task" if len(sent) == 1 else f"its {len(sent)} tasks"
        if not self._has_results():
            return proof(name, True, f"sent {what}")
        for one in sent:
            ok, text = self._came_back(one)
            if not ok:
                return proof(name, ok, text)
        return proof(name, True, f"sent {what}, done in {text}")

    def _everybody(self) -> tuple[list[str], dict[str, list[str]]]:
        """Return all beats that answer, and all workers with the queues that they consume.

        Asked again until a beat answers, and a worker of each pool.
        """
        deadline = time.monotonic() + self.timeout
        expected = {
            (host["hostname"], pool) for host in self.job.get("fleet") or () for pool in host["pools"]
        }
        while True:
            # A list of all that came, and no dict: two beats of one host have the same name.
            nodes = sorted(node for answer in self._all_answers() for node in answer)
            beats = [node for node in nodes if node.startswith("celerybeat@")]
            there = {
                (node.partition("@")[2], node.partition("@")[0].rpartition(".")[0])
                for node in nodes
                if node not in beats
            }
            complete = (beats or not self.job["beat"]) and expected <= there
            if complete or time.monotonic() > deadline:
                break
        workers = sorted(set(nodes) - set(beats))
        if not (workers and self.job.get("fleet")):
            return beats, {node: [] for node in workers}
        inspect = self.app.control.inspect(destination=workers, timeout=BEATS_TIMEOUT, limit=len(workers))
        served = inspect.active_queues() or {}
        queues = {node: [str(queue["name"]) for queue in served.get(node) or ()] for node in workers}
        return beats, queues

    def _all_answers(self) -> list[dict[str, Any]]:
        """Return who answers to a ping: all that got it have answered, or had the time to."""
        answers: list[dict[str, Any]] = []
        with receivers() as numbers, self.app.connection_for_write() as connection:

            def note(answer: dict[str, Any]) -> None:
                answers.append(answer)
                if len(answers) == sum(numbers):
                    raise AllAnsweredError

            # On a connection of its own: it is left in the midst of waiting.
            with contextlib.suppress(AllAnsweredError):
                self.app.control.ping(timeout=BEATS_TIMEOUT, connection=connection, callback=note)
        return answers

    def one_beat(self, beats: list[str]) -> dict[str, Any]:
        """One beat answers; of several with a lock, the others stand by."""
        text = ", ".join(beats) or "no beat answers"
        ok = len(beats) == 1 or (self.job["several_beats"] and bool(beats))
        if len(beats) > 1 and not ok:
            text = f"{text}: each sends every periodic task; stop all but one"
            if len(set(beats)) < len(beats):
                text += " (on one host, another unit or a supervisor may run it: look for celery beat in ps)"
        return proof("one beat answers", ok, text)

    def sees_canary(self) -> bool:
        """Tell whether beat sends a canary, and leaves its result to be seen."""
        return bool(self.job["canary"]) and self._has_results()

    def beat(self) -> dict[str, Any]:
        """Beat fires: its canary went through broker and worker into the results."""
        name = "beat fired"
        canary = self.job["canary"]
        if self.job.get("idle"):
            return skipped(name, "the hosts that do what beat sends are drained")
        if not self.sees_canary():
            return proof(name, True, "there is no canary: its answer stands for it")
        deadline = time.monotonic() + self.timeout + self.job["interval"]
        since = self.job["since"]
        while True:
            meta = self.app.backend.get_task_meta(canary, cache=False)
            last = meta["result"] if meta["status"] == "STARTED" else None
            if last and last >= max(since, time.time() - 2 * self.job["interval"]):
                return proof(name, True, f"{max(0.0, time.time() - last):.0f} s ago")
            if time.monotonic() > deadline:
                ago = f"the last time {time.time() - last:.0f} s ago" if last else "never"
                return proof(name, False, f"the canary did not arrive, {ago}")
            time.sleep(0.1)


def _in_database(name: str, alias: str) -> str:
    return name if alias == "default" else f"{name}, database {alias}"


def own_databases() -> list[str]:
    """Return the databases that hold models of the project's own apps, each place once, the default first."""
    from django.apps import apps
    from django.db import connections, router

    here = os.getcwd() + os.sep
    models = [
        model
        for config in apps.get_app_configs()
        if config.path.startswith(here) and "site-packages" not in config.path
        for model in config.get_models()
        if model._meta.managed and not model._meta.proxy
    ]
    found: dict[tuple[str, ...], str] = {}
    for alias in sorted(connections, key=lambda one: one != "default"):
        if is_empty(alias) or (alias != "default" and alias not in choose(list(connections), ())[0]):
            continue
        connection = connections[alias]
        has_own = any(router.allow_migrate_model(alias, model) for model in models)
        if (alias == "default" or has_own) and not read_only(connection):
            found.setdefault(place(connection), alias)
    return list(found.values())
