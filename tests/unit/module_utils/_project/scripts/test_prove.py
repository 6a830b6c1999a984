# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the answers of workers and beat mean."""

from __future__ import annotations

import contextlib
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._project.scripts import (
    declared,
    messages,
    prove,
)

NODES = {"default.0a@web1": "celery", "mails.1b@web1": "mails"}
TASKS = {"orders.tasks.send": "orders/tasks.py:3", "billing.charge": "billing/tasks.py:9"}


class FakeApp:
    """A Celery app whose nodes answer with what they were given."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[list[str] | None] = []
        self.control = self
        self.tasks: dict[str, Any] = {prove.ROUND_TRIP_TASK: object()}

    def inspect(self, destination: list[str] | None = None, **_limits: Any) -> FakeApp:
        """Asks some of the nodes, or all."""
        self.asked.append(destination)
        return self

    def registered(self) -> Any:
        """Returns the next answer, the last one again and again."""
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def connection_for_write(self) -> contextlib.nullcontext[None]:
        """Returns a connection to nothing."""
        return contextlib.nullcontext()

    def ping(self, timeout: float | None = None, callback: Any = None, **_how: object) -> Any:
        """Returns the next answer; asked by the control itself, calls with each reply."""
        answer = self.registered()
        if timeout is None:
            return answer
        for reply in (answer.items() if isinstance(answer, dict) else answer) or ():
            callback(dict([reply]))
        return None


def proofs(app: FakeApp, **job: Any) -> prove.Proofs:
    """Returns the proofs for an app."""
    given = {"nodes": NODES, "tasks": TASKS, "timeout": 0, "canary": "", "control": True, "beat": False}
    made = prove.Proofs(app, {**given, **job})
    # Why one is missing is a question to the project's own Python: test_causes.py.
    made.why = lambda name: f"{name} has its reasons"  # type: ignore[method-assign]
    return made


def beats_of(asked: prove.Proofs) -> list[str]:
    """Returns the beats that have answered."""
    asked.begin()
    beats, _workers = asked._asked["everybody"].result()
    return beats


class FakeQueue:
    """The part of an app that gives messages to the broker."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send_task_message(self, _producer: object, name: str, **_options: object) -> str:
        """Takes a message."""
        self.sent.append(name)
        return name


def test_what_is_sent_is_counted_where_it_is_sent() -> None:
    app = FakeApp()
    app.amqp = queue = FakeQueue()  # type: ignore[attr-defined]
    asked = proofs(app)

    def send() -> str:
        queue.send_task_message(None, "one")
        return queue.send_task_message(None, "two", routing_key="celery")

    assert asked._counting(send) == (2, "two")
    assert asked._counting(lambda: asked._counting(send)) == (2, (2, "two"))
    assert asked._counting(lambda: None) == (0, None)
    send()
    assert queue.sent == ["one", "two"] * 3


def test_all_workers_answer() -> None:
    found = proofs(FakeApp({node: {"ok": "pong"} for node in NODES})).workers()
    assert found == {"name": "workers answer", "ok": True, "detail": "2 of 2"}


def test_workers_that_are_silent_are_named() -> None:
    found = proofs(FakeApp({"default.0a@web1": {"ok": "pong"}})).workers()
    assert found == {
        "name": "workers answer",
        "ok": False,
        "detail": "1 of 2, silent: mails.1b@web1",
    }


def test_no_answer_at_all() -> None:
    assert proofs(FakeApp(None)).workers()["detail"].startswith("0 of 2, silent: ")


def test_only_workers_that_were_silent_are_asked_again() -> None:
    app = FakeApp(None, {"mails.1b@web1": {}}, {"default.0a@web1": {}})
    assert proofs(app, timeout=60).workers()["ok"]
    assert app.asked == [list(NODES), list(NODES), ["default.0a@web1"]]


def test_over_a_broker_without_broadcasts_nobody_is_asked() -> None:
    app = FakeApp()
    app.tasks = {"orders.tasks.send": object(), "billing.charge": object()}
    asked = proofs(app, control=False)
    assert (asked.workers()["ok"], asked.tasks()["ok"], app.asked) == (True, True, [])
    assert asked.tasks()["detail"].startswith("2 of 2 here; ")
    del app.tasks["billing.charge"]
    assert not asked.tasks()["ok"]
    assert "billing.charge (billing/tasks.py:9)" in asked.tasks()["detail"]


def test_all_tasks_are_registered() -> None:
    names = ["celery.accumulate", "billing.charge [rate_limit=1/s]", "orders.tasks.send"]
    found = proofs(FakeApp(dict.fromkeys(NODES, names))).tasks()
    assert (found["ok"], found["detail"]) == (True, "2 of 2")


def test_tasks_that_are_missing_are_named_with_their_place() -> None:
    answers = {"default.0a@web1": list(TASKS), "mails.1b@web1": ["orders.tasks.send"]}
    found = proofs(FakeApp(answers)).tasks()
    assert not found["ok"]
    assert found["detail"].startswith(
        "1 of 2: billing.charge (billing/tasks.py:9) is not registered on mails.1b@web1: "
        "billing.charge has its reasons"
    )


def test_a_silent_worker_has_no_tasks() -> None:
    assert proofs(FakeApp(None)).tasks()["detail"].startswith("0 of 2: ")


@pytest.mark.parametrize(
    ("answers", "ok", "detail"),
    [
        ({"celerybeat@web1": {}, "default.0a@web1": {}}, True, "celerybeat@web1"),
        ({"default.0a@web1": {}}, False, "no beat answers"),
        (
            {"celerybeat@web1": {}, "celerybeat@web2": {}},
            False,
            "celerybeat@web1, celerybeat@web2: each sends every periodic task; stop all but one",
        ),
        (
            [("celerybeat@web1", {}), ("celerybeat@web1", {})],
            False,
            "celerybeat@web1, celerybeat@web1: each sends every periodic task; stop all but one "
            "(on one host, another unit or a supervisor may run it: look for celery beat in ps)",
        ),
        (None, False, "no beat answers"),
    ],
)
def test_exactly_one_beat_has_to_answer(answers: Any, ok: bool, detail: str) -> None:
    asked = proofs(FakeApp(answers), beat=True, several_beats=False, nodes={})
    found = asked.one_beat(beats_of(asked))
    assert (found["ok"], found["detail"]) == (ok, detail)


@pytest.mark.parametrize(("beats", "ok"), [([], False), (["a"], True), (["a", "b"], True)])
def test_of_several_beats_with_a_lock_one_has_to_answer(beats: list[str], ok: bool) -> None:
    assert proofs(FakeApp({}), several_beats=True).one_beat(beats)["ok"] == ok


def test_a_beat_that_answers_late_is_asked_again() -> None:
    asked = proofs(FakeApp(None, {"celerybeat@web1": {}}), timeout=60, beat=True, nodes={})
    assert beats_of(asked) == ["celerybeat@web1"]


@pytest.mark.parametrize(("went_to", "waits"), [(2, False), (3, True)])
def test_nobody_waits_for_more_answers_than_can_come(
    went_to: int, waits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Redis:
        def publish(self, _topic: str) -> int:
            return went_to

    class Control(FakeApp):
        waited = False

        def ping(self, timeout: float | None = None, callback: Any = None, connection: object = None) -> None:
            assert (timeout, connection) == (prove.BEATS_TIMEOUT, None)
            Redis().publish("celery.pidbox")
            for node in ("celerybeat@web1", "default.0a@web1"):
                callback({node: {"ok": "pong"}})
            self.waited = True

    module = ModuleType("redis")
    module.Redis = Redis  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "redis", module)
    publish = Redis.publish
    app = Control()
    assert proofs(app)._everybody()[0] == ["celerybeat@web1"]
    assert app.waited == waits
    assert Redis.publish is publish


def test_without_a_beat_nobody_is_asked() -> None:
    asked = proofs(FakeApp({}), nodes={})
    asked.begin()
    assert asked._asked == {}


@pytest.mark.parametrize(
    ("canary", "results", "seen"), [("c", True, True), ("c", False, False), ("", True, False)]
)
def test_where_a_canary_is_seen(canary: str, results: bool, seen: bool) -> None:
    made = proofs(FakeApp({}), canary=canary)
    made._has_results = lambda: results  # type: ignore[method-assign] # no Celery is installed here
    assert made.sees_canary() is seen


def test_without_a_canary_the_answer_stands_for_it() -> None:
    assert proofs(FakeApp({})).beat()["ok"]


def test_without_a_default_database_no_transaction_is_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    app = FakeApp()
    app.tasks[prove.ROUND_TRIP_TASK] = SimpleNamespace(apply_async_on_commit=None)
    asked = proofs(app, integrated=True)
    monkeypatch.setattr(prove.Proofs, "lacks_default", lambda _self: True)
    found = asked._no_on_commit("committed transaction")
    assert found
    assert found["ok"]
    assert "DATABASES['default'], which is empty" in found["detail"]
    monkeypatch.setattr(prove.Proofs, "lacks_default", lambda _self: False)
    assert asked._no_on_commit("committed transaction") is None


def test_before_delay_on_commit_there_is_nothing_to_derive_from() -> None:
    job = {"timeout": 0, "integrated": False}
    found = prove.Proofs(FakeApp(), job, (5, 3, 6))._no_on_commit("committed transaction")
    assert found
    assert found["ok"]
    assert "came with Celery 5.4, and this is 5.3.6" in found["detail"]
    assert "DjangoTask" not in found["detail"]


@pytest.mark.parametrize("integrated", [True, False])
def test_an_app_without_delay_on_commit_is_told(integrated: bool) -> None:
    """In a project's own app that is a choice, and no failure."""
    found = proofs(FakeApp(), integrated=integrated)._no_on_commit("committed transaction")
    assert found
    assert (found["name"], found["ok"]) == ("committed transaction", not integrated)
    assert "DjangoTask" in found["detail"]


@pytest.mark.parametrize(
    ("debug", "key", "environment", "words"),
    [
        (False, "of nobody", {}, []),
        (False, "of nobody", {"SECRET_KEY": "of nobody"}, []),
        (True, "of nobody", {}, ["DEBUG is on in shop.settings"]),
        (False, "of nobody", {"SECRET_KEY": "another one"}, ["nobody reads it"]),
        (True, "django-insecure-x", {}, ["DEBUG is on", "startproject has made"]),
        (False, "django-insecure-x", {"SECRET_KEY": "of nobody"}, ["nobody reads it"]),
    ],
)
def test_settings_that_are_unfit_for_production_are_told(
    debug: bool, key: str, environment: dict[str, str], words: list[str]
) -> None:
    settings = SimpleNamespace(SETTINGS_MODULE="shop.settings", DEBUG=debug, SECRET_KEY=key)
    told = prove._unfit(settings, environment)
    assert len(told) == len(words)
    assert all(word in text for word, text in zip(words, told, strict=True))
    assert "of nobody" not in str(told)


def test_what_the_inventory_leaves_out_is_counted_and_a_slip_is_told() -> None:
    asked = proofs(FakeApp({node: ["orders.tasks.send", "billing.charge"] for node in NODES}))
    asked.job["ignored"] = {"reports.*": ["reports.a", "reports.b"], "nothing": []}
    found = asked.tasks()
    assert found["ok"]
    assert "and 2 not asked for (celery_verify_ignored_tasks)" in found["detail"]
    assert "no task is called nothing" in found["detail"]


# What was sent to single nodes


SENT = messages.Sent("token", 0.0, 1000.0)


class Told:
    """Messages that come back as they were told to."""

    def __init__(self, *answers: messages.Answer) -> None:
        self.answers = list(answers)

    def wait(self, _sent: messages.Sent) -> messages.Answer:
        """Returns the next answer."""
        return self.answers.pop(0)


def came(value: Any, arrived: bool = True, at: float = 1000.5) -> messages.Answer:
    """Returns what came back of a message."""
    return messages.Answer(arrived, value, isinstance(value, BaseException), 0.012, at)


def told(*answers: messages.Answer, **job: Any) -> prove.Proofs:
    """Returns proofs whose messages have these answers."""
    asked = proofs(FakeApp(), letters=[], **job)
    asked.messages = Told(*answers)  # type: ignore[assignment] # the part that is used
    return asked


def test_each_node_does_what_was_sent_to_it_alone() -> None:
    answer = came({"token": "token", "time": 1000.2})
    rows = told(answer, answer).each_node({"default.0a@web1": SENT, "mails.1b@web1": SENT})
    assert rows == [
        {"name": "each node works", "ok": True, "detail": "default.0a@web1 12 ms, mails.1b@web1 12 ms"}
    ]


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (came(None, arrived=False), "mails.1b@web1 has not done it in 0 s"),
        (came({"token": "another"}), "mails.1b@web1 gives {'token': 'another'}"),
        (came(ValueError("x")), "mails.1b@web1 gives ValueError('x')"),
    ],
)
def test_a_node_that_does_not_do_it_is_named(answer: messages.Answer, detail: str) -> None:
    fine = came({"token": "token", "time": 1000.2})
    (row,) = told(fine, answer).each_node({"default.0a@web1": SENT, "mails.1b@web1": SENT})
    assert (row["ok"], row["detail"]) == (False, detail)


@pytest.mark.parametrize(("letters", "rows"), [([], 0), (["default.0a@web1"], 1)])
def test_nodes_without_queues_of_their_own_are_not_asked(letters: list[str], rows: int) -> None:
    asked = told()
    asked.job["letters"] = letters
    found = asked.each_node({})
    assert len(found) == rows
    assert all(row["skipped"] for row in found)


@pytest.mark.parametrize(("clock", "ok"), [(1000.3, True), (1060.0, False), (900.0, False)])
def test_the_clocks_of_two_hosts(clock: float, ok: bool) -> None:
    here, there = came({"token": "token", "time": 1000.2}), came({"token": "token", "time": clock})
    nodes, clocks = told(here, there).each_node({"default.0a@web1": SENT, "default.0a@web2": SENT})
    assert nodes["ok"]
    assert (clocks["name"], clocks["ok"]) == ("clocks agree", ok)
    assert ok or "the clock of web2 is" in clocks["detail"]


@pytest.mark.parametrize(
    ("answer", "ok", "detail"),
    [
        (came(ValueError("token")), True, "ValueError in 12 ms"),
        (came(ValueError("another")), False, "a task that failed on n has the result ValueError('another')"),
        (came({"token": "token"}), False, "a task that failed on n has the result {'token': 'token'}"),
        (came(None, arrived=False), False, "nothing after 0 s from n"),
    ],
)
def test_an_error_comes_back_as_one(answer: messages.Answer, ok: bool, detail: str) -> None:
    row = told(answer).errors("n", SENT)
    assert (row["name"], row["ok"], row["detail"]) == ("errors come back", ok, detail)


@pytest.mark.parametrize(
    ("answer", "ok", "detail"),
    [
        (came("token"), True, "12 ms through the queue celery"),
        (came("another"), False, "another result: 'another' through the queue celery"),
        (came(None, arrived=False), False, "no result after 0 s through the queue celery"),
    ],
)
def test_a_round_trip(answer: messages.Answer, ok: bool, detail: str) -> None:
    row = told(answer).round_trip("default.0a@web1", "celery", SENT)
    assert row == {"name": "round trip, pool default", "ok": ok, "detail": detail}


def test_only_what_was_chosen_is_asked() -> None:
    asked = proofs(FakeApp(), checks=["tasks"])
    assert asked.wants("tasks")
    assert not asked.wants("workers")
    assert proofs(FakeApp(), checks=[]).wants("workers")


def test_nodes_of_other_hosts_that_read_letters() -> None:
    fleet = [
        {"hostname": "web1", "pools": {"default": ["celery"]}, "letters": ["default"]},
        {"hostname": "web2", "pools": {"default": ["celery"], "solo": ["s"]}, "letters": ["default"]},
    ]
    asked = proofs(FakeApp(), fleet=fleet)
    nodes = {"default.0a@web1": [], "default.0b@web2": [], "solo.0c@web2": [], "by@hand": []}
    assert asked._of_other_hosts(nodes) == ["default.0a@web1", "default.0b@web2"]


def test_all_nodes_are_waited_for_and_asked_for_their_queues() -> None:
    fleet = [{"hostname": "web1", "pools": {"default": ["celery"]}}]
    app = FakeApp(None, {"default.0a@web1": {}})
    app.active_queues = lambda: {"default.0a@web1": [{"name": "celery"}]}  # type: ignore[attr-defined]
    asked = proofs(app, fleet=fleet, timeout=60)
    assert asked._everybody() == ([], {"default.0a@web1": ["celery"]})


@pytest.mark.parametrize("turns", [1, 3])
def test_a_beat_that_has_not_read_its_tables_yet_is_asked_again(
    turns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = declared.Entry("celery.backend_cleanup", "celery.backend_cleanup", "at night")
    read = {entry.name: {"task": entry.task, "when": entry.when, "next": 60.0}}
    answers = [{}] * (turns - 1) + [read]

    class Control(FakeApp):
        conf = SimpleNamespace(beat_max_loop_interval=0)

        def broadcast(self, *_args: object, **_how: object) -> list[dict[str, Any]]:
            """Returns what beat has in its memory."""
            return [{"celerybeat@web1": {"ok": {"none": {"task": "celery.x", "when": ""}, **answers.pop(0)}}}]

    monkeypatch.setattr(declared, "entries", lambda _app, _scheduler: [entry])
    monkeypatch.setattr(prove.time, "sleep", lambda _seconds: None)
    app = Control({"celerybeat@web1": {}})
    app.tasks[entry.task] = object()
    asked = proofs(app, beat=True, several_beats=False, scheduler="", declared=[], served=[])
    asked.job["app"] = "shop"
    asked.begin()
    found = asked.schedule()
    assert (found.ok, answers) == (True, [])
