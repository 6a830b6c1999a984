# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask the running system whether it does what it should: each answer is one proof."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import import_module
from typing import Any

from .common import choose, databases, is_empty, place, read_only, void

#: Built into Celery and registered on every worker: with ``index``, it returns that argument.
ROUND_TRIP_TASK = "celery.accumulate"
#: Seconds to wait for the answers of all beats, where nobody says how many there are.
BEATS_TIMEOUT = 1.5


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
            each with these; ``production``: whether services run with these settings.
    """
    import django

    django.setup()
    import celery
    from celery.app.utils import find_app

    app = find_app(job["app"])
    app.loader.import_default_modules()
    proofs = Proofs(app, job, tuple(celery.VERSION[:3]))
    reasons = void(app, job["places"])
    beats = None if reasons else proofs.count_beats()
    results = [proofs.settings(), proofs.tables()]
    if reasons:
        # Each of the other proofs would be of something else than a worker.
        return {
            "proofs": [*results, proof("tasks reach workers", False, "; ".join(reasons))],
            "databases": {},
        }
    if job["nodes"]:
        results += [proofs.workers(), proofs.tasks()]
    if job["nodes"] and job.get("send", True):
        results += [proofs.round_trip(node, queue) for node, queue in job["nodes"].items()]
        results += [proofs.rolled_back(), proofs.committed()]
    if beats:
        results += [proofs.one_beat(beats.result()), proofs.beat()]
    elif job["mute"] and proofs.sees_canary():
        results.append(proofs.beat())
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
        answers = self._inspect("ping")
        silent = [node for node in nodes if node not in answers]
        text = f"{len(answers)} of {len(nodes)}"
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
        answers = self._inspect("registered")
        missing = {
            name: node
            for node in self.job["nodes"]
            for name in expected
            if name not in {entry.split(" ")[0] for entry in answers.get(node) or []}
        }
        count = f"{len(expected) - len(missing)} of {len(expected)}"
        if not missing:
            return proof("tasks registered", True, f"{count}{left_out}")
        lines = [f"{name} ({expected[name]}) is not registered on {node}" for name, node in missing.items()]
        why = "is its module named tasks.py, or imported from one, and its app in INSTALLED_APPS?"
        advice = "celery_verify_ignored_tasks takes one out of the proof that is not meant for them"
        return proof("tasks registered", False, f"{count}{left_out}: {'; '.join(lines)}: {why} {advice}")

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

    def _message(self, queue: str) -> dict[str, Any]:
        """Return what sends the round trip's task with a token that has to come back."""
        token = str(uuid.uuid4())
        return {
            "args": (token,),
            "kwargs": {"index": 0},
            "task_id": token,
            "queue": queue,
            "expires": 60,
        }

    def _wait(self, token: str, started: float) -> tuple[bool, str]:
        """Wait for the result of a message; return whether it is right, and the time it took."""
        from celery.exceptions import TimeoutError as CeleryTimeout

        result = self.app.AsyncResult(token)
        try:
            value = result.get(timeout=self.timeout, interval=0.02)
        except CeleryTimeout:
            return False, f"no result after {self.timeout:.0f} s"
        finally:
            result.forget()
        took = f"{(time.monotonic() - started) * 1000:.0f} ms"
        return (True, took) if value == token else (False, f"another result: {value!r}")

    def round_trip(self, node: str, queue: str) -> dict[str, Any]:
        """A task goes through the broker to a worker, and its result comes back."""
        pool = node.partition("@")[0].partition(".")[0]
        name = f"round trip, pool {pool}"
        if not self._has_results():
            return proof(name, True, "results are switched off: the workers' answers stand for it")
        started = time.monotonic()
        message = self._message(queue)
        self.app.tasks[ROUND_TRIP_TASK].apply_async(**message)
        ok, text = self._wait(message["task_id"], started)
        return proof(name, ok, f"{text} through the queue {queue}")

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

    def _dispatch_on_commit(self) -> str:
        message = self._message(next(iter(self.job["nodes"].values())))
        self.app.tasks[ROUND_TRIP_TASK].apply_async_on_commit(**message)
        return str(message["task_id"])

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

    def rolled_back(self) -> dict[str, Any]:
        """A transaction that is rolled back sends nothing."""
        from django.db import transaction

        name = "rolled-back transaction"
        missing = self._no_on_commit(name)
        if missing:
            return missing

        class UndoError(Exception):
            pass

        def action() -> None:
            try:
                with transaction.atomic():
                    self._dispatch_on_commit()
                    raise UndoError
            except UndoError:
                pass

        sent, _value = self._counting(action)
        return proof(name, sent == 0, "sent nothing" if sent == 0 else f"sent {sent} tasks")

    def committed(self) -> dict[str, Any]:
        """A transaction that is committed sends its task once, and not before its end."""
        from django.db import transaction

        name = "committed transaction"
        missing = self._no_on_commit(name)
        if missing:
            return missing
        started = time.monotonic()

        def action() -> tuple[int, str]:
            with transaction.atomic():
                return self._counting(self._dispatch_on_commit)

        sent, (early, token) = self._counting(action)
        if (early, sent) != (0, 1):
            return proof(name, False, f"sent {sent} tasks, {early} of them too early")
        if not self._has_results():
            return proof(name, True, "sent its task")
        ok, text = self._wait(token, started)
        return proof(name, ok, f"sent its task, done in {text}" if ok else text)

    def count_beats(self) -> Future[list[str]] | None:
        """Ask all beats, beside the other proofs: who wants all answers has to wait."""
        if not self.job["beat"]:
            return None
        return ThreadPoolExecutor(1).submit(self._beats)

    def _beats(self) -> list[str]:
        """Return the nodes of all beats that answer, asking again until one does."""
        deadline = time.monotonic() + self.timeout
        while True:
            # A list of all that came, and no dict: two beats of one host have the same name.
            answers = self._all_answers()
            beats = sorted(node for answer in answers for node in answer if node.startswith("celerybeat@"))
            if beats or time.monotonic() > deadline:
                return beats

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
