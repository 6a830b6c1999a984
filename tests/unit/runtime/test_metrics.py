# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What workers count, and what is told of it. The real ones are in molecule/operate."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import types
from pathlib import Path
from typing import Any

import pytest

from .conftest import Load

NODE = "default.1f0c9a2b@here"


@pytest.fixture
def counters(load: Load) -> Any:
    return load("counters")


@pytest.fixture
def exporter(load: Load) -> Any:
    return load("exporter")


class Made:
    """The class of requests that Celery makes for a task."""

    def __init__(self, message: Any) -> None:
        self.message = message
        self.time_start = 0.0

    def on_accepted(self, _pid: Any, time_accepted: float) -> None:
        self.time_start = time_accepted

    def on_success(self, told: Any) -> Any:
        failed, value, _runtime = told
        return self.on_failure(types.SimpleNamespace(exception=value)) if failed else None

    def on_failure(self, exc_info: Any) -> Any:
        return exc_info


def request(counters: Any, book: Any, task: str = "orders.tasks.send", **headers: Any) -> Any:
    """A request of a task, as a message brings it."""
    return counters.counting(Made, book, task)(types.SimpleNamespace(headers=headers))


def test_what_becomes_of_tasks(counters: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is counted once, whichever way Celery tells of it."""
    monkeypatch.setattr(counters.time, "time", lambda: 100.0)
    book = counters.Book(str(tmp_path), NODE, None)
    done = request(counters, book, timestamp=98.0)
    done.on_accepted(1, 99.5)
    done.on_success((0, "value", 0.3))
    for error in (ValueError(), counters.Retry(), counters.Reject(), counters.Ignore()):
        one = request(counters, book, timestamp=1.0, eta="later")
        one.on_accepted(1, 99.0)
        # A failure has no runtime here.
        one.on_success((1, error, None))
    request(counters, book).on_failure(types.SimpleNamespace(exception=ValueError()))
    found = book.data()["tasks"]["orders.tasks.send"]
    assert {name: found[name] for name in ("received", "succeeded", "failed", "retried", "rejected")} == {
        "received": 6,
        "succeeded": 2,
        "failed": 2,
        "retried": 1,
        "rejected": 1,
    }
    # What waits for its time is not late; what no process has begun has no runtime.
    assert (sum(found["waited"]["counts"]), found["waited"]["sum"]) == (1, 2.0)
    assert (sum(found["runtime"]["counts"]), found["runtime"]["sum"]) == (5, pytest.approx(4.3))


def test_counting_costs_little(counters: Any, tmp_path: Path) -> None:
    """Two hundredths of a task that does nothing, which takes a thousandth of a second, are 20 millionths."""
    book = counters.Book(str(tmp_path), NODE, None)
    kind = counters.counting(Made, book, "a.b")
    message = types.SimpleNamespace(headers={"timestamp": 1.0})

    def seconds(number: int = 2000) -> float:
        begun = time.process_time()
        for _turn in range(number):
            one = kind(message)
            one.on_accepted(1, 2.0)
            one.on_success((0, None, 0.01))
        return (time.process_time() - begun) / number

    assert min(seconds() for _turn in range(3)) < 20e-6


def test_names_do_not_grow_without_end(counters: Any, tmp_path: Path) -> None:
    book = counters.Book(str(tmp_path), NODE, None)
    for number in range(counters._MOST + 50):
        book.of(f"task{number}").received += 1
    assert len(book.tasks) == counters._MOST + 1
    assert book.tasks[counters.OTHERS].received == 50


@pytest.mark.parametrize(("seconds", "place"), [(0.0, 0), (0.01, 0), (0.011, 1), (7200.0, 10), (1e9, 11)])
def test_a_time_is_in_one_bucket(counters: Any, seconds: float, place: int) -> None:
    """A bound belongs to what is below it, as Prometheus has it."""
    histogram = counters.Histogram()
    histogram.add(seconds)
    assert histogram.counts.index(1) == place
    assert (sum(histogram.counts), histogram.sum) == (1, seconds)


def gone_process() -> int:
    """The number of a process that has ended."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def written(folder: Path, node: str, process: int, **counts: int) -> None:
    """What a worker has left."""
    histogram = {"counts": [1] + [0] * 11, "sum": 0.005}
    tasks = {
        "a.b": {
            **dict.fromkeys(("received", "succeeded", "failed", "retried", "rejected"), 0),
            **counts,
            "runtime": histogram,
            "waited": histogram,
        }
    }
    data = {
        "node": node,
        "process": process,
        "time": 100.0,
        "busy": 1,
        "processes": 2,
        "queues": ["celery"],
        "tasks": tasks,
    }
    (folder / f"{node}.json").write_text(json.dumps(data))


def test_counts_outlive_their_worker(exporter: Any, tmp_path: Path) -> None:
    """A counter never falls by a deploy, and the file of a worker that is gone goes."""
    written(tmp_path, "default.0a0a0a0a@here", gone_process(), received=3)
    written(tmp_path, "default.1b1b1b1b@here", os.getpid(), received=4)
    written(tmp_path, "late.2c2c2c2c@here", os.getpid(), received=5)
    files = exporter.Files(str(tmp_path))
    for _scrape in range(2):
        totals = files.totals(files.workers())
        assert totals["a.b", "default"].outcomes["received"] == 7
        assert totals["a.b", "late"].outcomes["received"] == 5
        assert totals["a.b", "default"].sums["runtime"] == pytest.approx(0.01)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "default.1b1b1b1b@here.json",
        "late.2c2c2c2c@here.json",
    ]


def test_how_units_have_ended(exporter: Any, tmp_path: Path) -> None:
    """Lines are taken once."""
    files = exporter.Files(str(tmp_path))
    assert files.ended() == {}
    (tmp_path / "ended").write_text("watchdog worker-default\nsuccess beat\nprotocol worker-late\n")
    expected = {("worker-default", "watchdog"): 1, ("beat", "stopped"): 1, ("worker-late", "other"): 1}
    assert files.ended() == expected
    assert files.ended() == expected
    (tmp_path / "ended").write_text("watchdog worker-default\n")
    assert files.ended()["worker-default", "watchdog"] == 2


def test_buckets_are_cumulative(exporter: Any) -> None:
    found = exporter.cumulative([1, 0, 2] + [0] * 8 + [4])
    assert found[:4] == [("0.01", 1.0), ("0.05", 1.0), ("0.1", 3.0), ("0.5", 3.0)]
    assert found[-1] == ("+Inf", 7.0)


def test_a_source_that_does_not_answer_is_told_as_such(exporter: Any) -> None:
    answers = [["old"], RuntimeError("gone"), ["new"]]

    def ask() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    asked = exporter.Asked({"broker": ask})
    for expected, up in ((["old"], 1.0), ([], 0.0), (["new"], 1.0)):
        asked.look()
        told, *rest = asked.metrics()
        assert (told.samples, rest) == ({("broker",): up}, expected)


def told(exporter: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a host tells: each metric's samples."""
    units = [
        {"Id": "shop-worker-default@1b1b1b1b.service", "ActiveState": "active", "MemoryCurrent": "10"},
        {"Id": "shop-worker-default@0a0a0a0a.service", "ActiveState": "deactivating", "MemoryCurrent": "5"},
        {"Id": "shop-beat.service", "ActiveState": "active", "MemoryCurrent": "[not set]", "MainPID": "7"},
    ]
    monkeypatch.setattr(exporter, "units", lambda _name: units)
    monkeypatch.setattr(exporter, "resident", {7: 20}.get)
    monkeypatch.setattr(exporter.time, "time", lambda: 110.0)
    info = {"name": "shop", "commit": "abc", "queues": "celery,late"}
    one = exporter.Exporter("shop", exporter.Files(str(tmp_path)), exporter.Asked({}), info)
    return {family.name: family.samples for family in one.collect()}


def test_what_is_told_of_a_host(exporter: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, "default.1b1b1b1b@here", os.getpid(), received=4, succeeded=3)
    beat = {"process": os.getpid(), "time": 109.0, "tick": 108.0, "overdue": 2, "late": 7.5}
    (tmp_path / "beat.json").write_text(json.dumps(beat))
    found = told(exporter, tmp_path, monkeypatch)
    assert found["celery_task_received"] == {("a.b", "default"): 4}
    assert found["celery_task_succeeded"] == {("a.b", "default"): 3}
    assert found["celery_worker_busy"] == {("default",): 1}
    assert found["celery_queue_consumers"] == {("celery",): 1, ("late",): 0}
    assert found["celery_unit_up"] == {
        ("worker-default", "1b1b1b1b"): 1.0,
        ("worker-default", "0a0a0a0a"): 0.0,
        ("beat", ""): 1.0,
    }
    # As systemd counts it, or else we.
    assert found["celery_unit_memory_bytes"] == {("worker-default",): 15, ("beat",): 20}
    assert found["celery_beat_late_seconds"] == {(): 7.5}
    assert found["celery_beat_overdue"] == {(): 2}
    assert found["celery_deployment"] == {(): {"name": "shop", "commit": "abc"}}


def test_a_worker_that_hangs_takes_from_no_queue(
    exporter: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its counts stay; a beat that is gone tells nothing."""
    written(tmp_path, "default.1b1b1b1b@here", os.getpid(), received=4)
    (tmp_path / "beat.json").write_text(json.dumps({"process": gone_process()}))
    monkeypatch.setattr(exporter, "_FRESH", 5.0)
    found = told(exporter, tmp_path, monkeypatch)
    assert found["celery_queue_consumers"] == {("celery",): 0, ("late",): 0}
    assert found["celery_task_received"] == {("a.b", "default"): 4}
    assert "celery_beat_late_seconds" not in found


def test_memory_is_that_of_a_process_and_all_below_it(exporter: Any, tmp_path: Path) -> None:
    for number, parent in ((1, 0), (10, 1), (11, 10), (12, 11), (20, 1)):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "stat").write_text(f"{number} (a) b) S {parent} 1 1")
        (folder / "statm").write_text(f"1000 {number} 5")
    # One that ends meanwhile, and what is no process.
    (tmp_path / "30").mkdir()
    (tmp_path / "self").mkdir()
    assert exporter.resident(10, str(tmp_path)) == (10 + 11 + 12) * exporter._PAGE
    assert exporter.resident(99, str(tmp_path)) == 0


def test_the_commit_of_a_checkout(exporter: Any, tmp_path: Path) -> None:
    below = tmp_path / "shop/src"
    below.mkdir(parents=True)
    assert exporter.commit(str(tmp_path / "nowhere")) in ("", exporter.commit("/"))
    git = tmp_path / "shop/.git"
    (git / "refs/heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    assert exporter.commit(str(below)) == ""
    (git / "packed-refs").write_text("# pack-refs\n" + "b" * 40 + " refs/heads/main\n")
    assert exporter.commit(str(below)) == "b" * 12
    (git / "refs/heads/main").write_text("c" * 40 + "\n")
    assert exporter.commit(str(below)) == "c" * 12
    (git / "HEAD").write_text("d" * 40 + "\n")
    assert exporter.commit(str(below)) == "d" * 12


@pytest.mark.parametrize(
    ("unit", "part"),
    [
        ("shop-worker-default@1b1b1b1b.service", ("worker-default", "1b1b1b1b")),
        ("shop-beat.service", ("beat", "")),
    ],
)
def test_units_have_names_that_stay(exporter: Any, unit: str, part: tuple[str, str]) -> None:
    assert exporter.part_of("shop", unit) == part


def test_what_beat_should_have_sent(counters: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters.time, "time", lambda: 100.0)
    monkeypatch.setattr(counters.time, "monotonic", lambda: 50.0)
    heap = [types.SimpleNamespace(time=time) for time in (90.0, 99.5, 130.0)]
    service = types.SimpleNamespace(_last_tick=48.0, scheduler=types.SimpleNamespace(_heap=heap))
    found = counters.schedule(service)
    assert (found["tick"], found["overdue"], found["late"]) == (98.0, 1, 10.0)
    # One that has not begun, or keeps its entries elsewhere.
    nothing = types.SimpleNamespace(_last_tick=None, scheduler=object())
    found = counters.schedule(nothing)
    assert (found["tick"], found["overdue"], found["late"]) == (None, 0, 0.0)
