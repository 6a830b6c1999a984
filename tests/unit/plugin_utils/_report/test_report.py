# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report says of a deployment, and in which form."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.celeriac.django.plugins.module_utils import _schedule
from ansible_collections.celeriac.django.plugins.module_utils._deployment import Route
from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import App
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import routes as routes_of
from ansible_collections.celeriac.django.plugins.plugin_utils._report import (
    advice,
    build,
    drawing,
    formats,
    next_runs,
)
from ansible_collections.celeriac.django.plugins.plugin_utils._report.data import Check, Report

Make = Callable[..., Report]
START = datetime(2026, 11, 29, 22, 30, tzinfo=UTC)
FINE = build.Row("settings loaded", True, "shop.settings.production")
BROKEN = build.Row("round trip, pool default", False, "no result after 20 s <b>&")
PENDING = build.Row("workers, tasks and beat", True, "not asked", skipped=True)


def test_one_failure_is_one_too_many(make: Make) -> None:
    assert make(FINE, PENDING).ok
    assert not make(FINE, BROKEN).ok
    # Nobody was asked: nothing is proven.
    assert not make().ok


def test_a_failed_row_says_what_to_do_and_marks_its_pool(make: Make) -> None:
    report = make(FINE, BROKEN, workers=[{"name": "default"}, {"name": "slow", "queues": ["slow"]}])
    (check,) = report.failed
    assert (check.host, check.name) == ("app1", BROKEN.name)
    assert "consumes its queue" in check.advice
    assert {pool.name: pool.healthy for pool in report.hosts[0].pools} == {"default": False, "slow": True}
    assert not report.hosts[0].healthy


def test_commands_in_advice_have_the_name_of_the_deployment() -> None:
    assert "shop-celery logs" in advice.of("units of pool default", "shop")
    assert advice.of("something new", "shop")


def test_tasks_are_in_the_queue_of_their_route() -> None:
    routes = [Route("orders.*", "mail"), Route("orders.tasks.x", "slow"), Route("*", rate_limit="1/s")]
    assert routes_of.queue_of("orders.tasks.x", routes) == "slow"
    assert routes_of.queue_of("orders.tasks.y", routes) == "mail"
    assert routes_of.queue_of("shop.tasks.y", routes) == "celery"


def test_where_an_own_app_sends_its_tasks_is_not_guessed(make: Make, found: dict[str, Any]) -> None:
    found["project"].celery_app = App("shop.celery", "app", "shop/celery.py", "shop/celery.py:3")
    report = make(FINE)
    assert {task.queue for task in report.tasks} == {""}
    assert [queue.tasks for queue in report.queues] == [0]


def test_a_pool_of_one_process_runs_one_task(make: Make) -> None:
    (pool,) = make(FINE, workers=[{"name": "one", "pool": "solo"}]).hosts[0].pools
    assert pool.at_once == 1


def test_a_pool_is_marked_by_its_node_and_not_by_a_word(make: Make) -> None:
    workers = [{"name": "mail"}, {"name": "e-mail"}, {"name": "sent"}]
    silent = build.Row("workers answer", False, "2 of 3, silent: e-mail.0a1b@app1. Nothing was sent.")
    (host,) = make(silent, workers=workers).hosts
    assert {pool.name: pool.healthy for pool in host.pools} == {"mail": True, "e-mail": False, "sent": True}


def test_a_queue_that_nobody_serves_is_seen(make: Make) -> None:
    report = make(FINE, task_routes={"orders.tasks.send": "slow"}, served=("celery", "slow"))
    queues = {queue.name: queue for queue in report.queues}
    assert queues["slow"].pools == ()
    assert queues["slow"].tasks == 1
    assert queues["celery"].pools == ("default@app1",)
    assert 'class="queue bad"' in drawing.topology(report)


def test_no_password_is_in_it(make: Make) -> None:
    report = make(FINE, BROKEN)
    for writer in formats.WRITERS.values():
        assert "s3cret" not in writer(report)
    assert report.servers[0].addresses == ("redis.example:6379",)


def test_connections_are_those_of_two_generations(make: Make) -> None:
    report = make(FINE, hosts=2, workers=[{"name": "default", "concurrency": 3}], web_connections=10)
    # Three processes and the main one, twice, on two hosts.
    assert (report.connections.workers, report.connections.beat) == (16, 1)
    assert report.connections.needed == 27


# From one report to the next


def test_what_is_different_is_told_in_words(make: Make) -> None:
    before = make(FINE, BROKEN, tasks={"orders.tasks.old": "x:1"})
    now = make(
        FINE,
        replace(BROKEN, ok=True),
        hosts=2,
        before=replace(before, versions={"celery": "5.6.0"}),
        tasks={"orders.tasks.new": "x:1"},
    )
    for text in (
        "new task: orders.tasks.new",
        "task is gone: orders.tasks.old",
        "new host: app2",
        "celery 5.6.0 → 5.7.0",
        "round trip, pool default on app1: failed → ok",
    ):
        assert text in now.changes
    assert make(FINE, before=make(FINE)).changes == ()


@pytest.mark.parametrize("ending", [".json", ".html"])
def test_a_report_is_read_back_from_its_file(ending: str, make: Make, tmp_path: Path) -> None:
    report = make(FINE, BROKEN)
    file = tmp_path / f"report{ending}"
    assert formats.read(file) is None
    file.write_text(formats.write(report, str(file)), encoding="utf-8")
    assert formats.read(file) == report


@pytest.mark.parametrize("text", ["", "{}", "[]", "no json", '{"version": 99}', '{"version": 1}'])
def test_a_file_of_another_kind_is_no_report(text: str, tmp_path: Path) -> None:
    for ending in (".json", ".html"):
        file = tmp_path / f"report{ending}"
        file.write_text(text)
        assert formats.read(file) is None


def test_another_ending_is_refused_with_those_that_there_are(make: Make) -> None:
    with pytest.raises(formats.FormatError, match=r"report\.pdf ends in \.pdf.*\.html.*\.json.*\.xml"):
        formats.write(make(FINE), "report.pdf")


# JSON and JUnit


def test_the_data_have_their_version(make: Make) -> None:
    data = json.loads(formats.to_json(make(FINE, BROKEN)))
    assert data["version"] == 1
    assert data["checks"][1]["state"] == "failed"
    assert data["hosts"][0]["pools"][0]["queues"] == ["celery"]


def test_junit_counts_what_failed_and_was_not_asked(make: Make) -> None:
    suites = ET.fromstring(formats.to_junit(make(FINE, BROKEN, PENDING, hosts=2)))  # noqa: S314 - it is ours
    first, _second = suites
    assert {key: first.get(key) for key in ("name", "tests", "failures", "skipped")} == {
        "name": "app1",
        "tests": "3",
        "failures": "1",
        "skipped": "1",
    }
    failure = first.find(".//failure")
    assert failure is not None
    assert "no result after 20 s" in str(failure.get("message"))


@given(st.text())
def test_junit_takes_any_text(text: str) -> None:
    check = Check("host", text, "failed", text, text)
    report = Report(
        "shop", START.isoformat(), False, "s", "a", {}, (), (), (), (), (), CONNECTIONS, 0, (check,)
    )
    ET.fromstring(formats.to_junit(report).encode())  # noqa: S314 - it is ours


CONNECTIONS = build.Connections(0, 0, 0, 0)


# The page


class Page(HTMLParser):
    """Reads a page as a browser does, and notes what does not fit."""

    VOID = ("meta", "link", "br", "path", "rect", "input")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.named: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        values = dict(attrs)
        self.ids += [str(values["id"])] if "id" in values else []
        self.named += str(values.get("aria-labelledby") or "").split()
        self.links += [str(values[key]) for key in ("href", "src") if key in values]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that is empty."""
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        """End what was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note the words, and not the data of the next report."""
        if self.open[-1:] != ["script"]:
            self.text.append(data)


def page_of(report: Report) -> Page:
    """Returns the page of a report, read to its end."""
    page = Page()
    page.feed(formats.to_html(report))
    page.close()
    assert page.open == []
    return page


def test_the_page_is_whole_and_needs_nobody(large: Report) -> None:
    page = page_of(large)
    assert len(page.ids) == len(set(page.ids))
    assert set(page.named) <= set(page.ids)
    # All that it links to is in it.
    assert {link[0] for link in page.links} == {"#"}
    assert {link[1:] for link in page.links} <= set(page.ids)


def test_what_failed_stands_first(make: Make) -> None:
    words = "".join(page_of(make(FINE, BROKEN)).text)
    assert words.index("What failed") < words.index("At a glance")
    assert "What failed" not in "".join(page_of(make(FINE)).text)


def test_the_same_on_many_hosts_is_told_once(large: Report) -> None:
    words = "".join(page_of(large).text)
    assert words.count("no result after 20 s through the queue queue-9") == 2  # on top, and in the table
    assert "on all 50 hosts" in words


def test_texts_of_a_project_are_no_markup(make: Make) -> None:
    evil = build.Row("<script>alert(1)</script>", False, "</script><img src=x onerror=alert(1)>")
    html = formats.to_html(
        make(evil, beat_schedule=[{"name": "<i>", "task": "orders.tasks.send", "interval": 60}])
    )
    assert "<script>alert" not in html
    assert "<img" not in html
    assert "<i>" not in html
    assert formats._INSIDE.search(html)


def test_hosts_that_run_the_same_are_drawn_as_one(large: Report) -> None:
    assert len(drawing.groups(large.hosts)) == 1
    text = drawing.topology(large)
    assert "app1 and 49 more" in text
    assert 'class="pool bad"' in text
    assert text.count('class="queue"') + text.count('class="queue bad"') == 31


def test_a_few_hosts_are_drawn_each_for_itself(large: Report) -> None:
    few = replace(large, hosts=large.hosts[:2])
    assert [group.label for group in drawing.groups(few.hosts)] == ["app1", "app2"]
    assert "more" not in drawing.topology(few)


@pytest.mark.parametrize(
    ("addresses", "words"),
    [
        (("queue.example.org:6379",), "on queue.example.org"),
        (("10.0.0.1:5672", "10.0.0.2:5672"), "on 2 hosts"),
        ((), ""),
    ],
)
def test_where_the_broker_is(large: Report, addresses: tuple[str, ...], words: str) -> None:
    servers = tuple(replace(one, addresses=addresses) for one in large.servers)
    text = drawing.topology(replace(large, servers=servers))
    assert (">on " in text) is bool(words)
    assert not words or f">{words}<" in text


def test_drawings_are_xml(large: Report) -> None:
    for draw in (drawing.topology, drawing.timeline, drawing.limits):
        found = ET.fromstring(draw(large))  # noqa: S314 - it is ours
        assert found.get("role") == "img"
        assert found.find("title") is not None
        numbers = [float(n) for n in re.findall(r' x="(-?[0-9.]+)"', draw(large))]
        assert all(0 <= number <= 980 for number in numbers)


# When periodic tasks run


def entry(**given: object) -> _schedule.Entry:
    """Returns a periodic task."""
    (found,) = _schedule.complete([{"name": "job", "task": "t", **given}])
    return found


def test_crontabs_run_when_they_say() -> None:
    runs = next_runs.next_runs(entry(crontab="30 3 * * mon", timezone="Europe/Berlin"), START)
    assert [run.isoformat() for run in runs] == ["2026-11-30T02:30:00+00:00"]
    assert next_runs.next_runs(entry(crontab="30 3 * * tue", timezone="UTC"), START) == []


def test_intervals_and_moments_run_when_they_say() -> None:
    assert len(next_runs.next_runs(entry(interval="6h"), START)) == 3
    moment = next_runs.next_runs(entry(clocked="2026-11-30 06:00+00:00"), START)
    assert [run.hour for run in moment] == [6]
    assert next_runs.next_runs(entry(clocked="2027-11-30 06:00+00:00"), START) == []
    assert len(next_runs.next_runs(entry(interval=60), START)) == next_runs.MOST


def test_what_is_off_or_the_suns_has_no_runs() -> None:
    sun = {"event": "sunset", "latitude": 52, "longitude": 13}
    assert next_runs.next_runs(entry(solar=sun), START) == []
    assert next_runs.next_runs(entry(interval=60, enabled=False), START) == []


@given(st.integers(0, 59), st.integers(0, 23), st.integers(0, 86400 * 700))
def test_a_daily_crontab_runs_once_a_day(minute: int, hour: int, later: int) -> None:
    start = START + timedelta(seconds=later)
    runs = next_runs.next_runs(entry(crontab=f"{minute} {hour} * * *", timezone="UTC"), start)
    assert [(run.hour, run.minute) for run in runs] in ([(hour, minute)], [])
    assert all(start < run < start + next_runs.SPAN for run in runs)
