# SPDX-License-Identifier: GPL-3.0-or-later
"""Periodic tasks as data: what is right is completed, and what is wrong is said."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils import _schedule
from ansible_collections.celeriac.django.plugins.module_utils._schedule import ScheduleError

Data = dict[str, Any]
BERLIN = datetime.timezone(datetime.timedelta(hours=1))


def entry(of_project: str = "", /, **given: Any) -> _schedule.Entry:
    """Completes one entry."""
    data = {"name": "n", "task": "orders.tasks.send", **given}
    (found,) = _schedule.complete([data], of_project)
    return found


def test_a_line_and_its_fields_are_the_same() -> None:
    fields = {"minute": 30, "hour": 3, "day_of_week": "mon-fri"}
    assert entry(crontab="30 3 * * mon-fri") == entry(crontab=fields)


def test_everything_that_is_left_out() -> None:
    assert entry(interval=60) == _schedule.Entry("n", "orders.tasks.send", "interval", {"seconds": 60})


def test_everything_that_can_be_said() -> None:
    found = entry(
        crontab="0 8 1 * *",
        args=[1, "two", None],
        kwargs={"a": {"b": [True]}},
        queue="mail",
        expires="1h",
        enabled="no",
        timezone="Europe/Berlin",
    )
    assert (found.args, found.kwargs) == ([1, "two", None], {"a": {"b": [True]}})
    assert (found.queue, found.expires, found.enabled, found.timezone) == (
        "mail",
        3600,
        False,
        "Europe/Berlin",
    )


@pytest.mark.parametrize(
    ("value", "seconds"), [(1, 1), ("90", 90), ("30s", 30), ("15m", 900), ("2 h", 7200), ("1d", 86400)]
)
def test_intervals(value: object, seconds: int) -> None:
    assert entry(interval=value).when == {"seconds": seconds}


@pytest.mark.parametrize(
    ("text", "name", "values"),
    [
        ("*", "minute", set(range(60))),
        ("*/20", "minute", {0, 20, 40}),
        ("5", "hour", {5}),
        ("1-5", "hour", {1, 2, 3, 4, 5}),
        ("1-9/3", "hour", {1, 4, 7}),
        ("22-2", "hour", {22, 23, 0, 1, 2}),
        ("1,15,31", "day_of_month", {1, 15, 31}),
        ("*/10", "day_of_month", {1, 11, 21, 31}),
        ("jan,jun-aug", "month_of_year", {1, 6, 7, 8}),
        ("mon-fri", "day_of_week", {1, 2, 3, 4, 5}),
        ("friday-MONDAY", "day_of_week", {5, 6, 0, 1}),
    ],
)
def test_values_of_a_crontab(text: str, name: str, values: set[int]) -> None:
    assert _schedule.values(text, name) == values


@pytest.mark.parametrize(
    ("crontab", "timezone", "zone"),
    [
        ("0 * * * *", "", ""),
        ("0 * * * *", "Europe/Berlin", "UTC"),
        ("*/15 * * * *", "", "UTC"),
        ("0 * * * *", "Asia/Kolkata", ""),
        ("0 * * * *", "Australia/Lord_Howe", ""),
        ("0 3 * * *", "Europe/Berlin", ""),
        ("0 * * * mon", "Europe/Berlin", ""),
    ],
)
def test_what_runs_each_hour_is_of_utc(crontab: str, timezone: str, zone: str) -> None:
    assert entry(timezone, crontab=crontab).timezone == zone


def test_a_timezone_of_its_own_counts_for_what_runs_each_hour() -> None:
    assert entry("Asia/Kolkata", crontab="0 * * * *", timezone="Europe/Berlin").timezone == "UTC"
    assert entry("Europe/Berlin", crontab="0 * * * *", timezone="Asia/Kolkata").timezone == "Asia/Kolkata"


@pytest.mark.parametrize(
    ("value", "timezone"),
    [
        ("2027-01-31 06:00+01:00", ""),
        ("2027-01-31 06:00", "Europe/Berlin"),
        (datetime.datetime(2027, 1, 31, 6, tzinfo=BERLIN), ""),
    ],
)
def test_one_moment(value: object, timezone: str) -> None:
    assert entry(timezone, clocked=value).when == {"moment": "2027-01-31T05:00:00+00:00"}


def test_sunset() -> None:
    found = entry(solar={"event": "sunset", "latitude": "52.5", "longitude": 13})
    assert found.when == {"event": "sunset", "latitude": 52.5, "longitude": 13.0}


def test_absent_needs_its_name_alone() -> None:
    (found,) = _schedule.complete([{"name": "old", "state": "absent"}])
    assert found.absent


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"name": ""}, "celery_beat_schedule[0] has no name"),
        ({"name": None}, "has no name"),
        ({"name": "x" * 201}, "201 characters"),
        ({"name": "celery.backend_cleanup"}, "Celery has an entry of that name"),
        ({"task": " "}, "(n) has no task"),
        ({"state": "gone"}, "state is 'gone'"),
        ({"every": 5}, "there is no key every"),
        ({}, "this one has none of them"),
        ({"crontab": "0 0 * * *", "interval": 5}, "this one has crontab and interval"),
        ({"interval": 0}, "interval is 0"),
        ({"interval": "-5s"}, "interval is '-5s'"),
        ({"interval": 0.5}, "whole seconds"),
        ({"interval": True}, "interval is True"),
        ({"interval": "5 weeks"}, "30s, 15m, 2h or 1d"),
        ({"interval": 5, "timezone": "UTC"}, "interval has none"),
        ({"interval": 5, "expires": "soon"}, "expires is 'soon'"),
        ({"interval": 5, "enabled": "perhaps"}, "enabled is 'perhaps'"),
        ({"interval": 5, "args": "1"}, "args has to be a list"),
        ({"interval": 5, "args": {"a": 1}}, "args has to be a list"),
        ({"interval": 5, "kwargs": [1]}, "kwargs has to be keys and values"),
        ({"interval": 5, "args": [datetime.date(2026, 1, 1)]}, "args is no JSON"),
        ({"interval": 5, "args": [float("nan")]}, "args is no JSON"),
        ({"crontab": "0 0 * *"}, "has 4 fields"),
        ({"crontab": "60 0 * * *"}, "'60' is no minute of a crontab: it is a number from 0 to 59"),
        ({"crontab": "0 24 * * *"}, "'24' is no hour"),
        ({"crontab": "0 0 0 * *"}, "'0' is no day_of_month"),
        ({"crontab": "0 0 * 13 *"}, "'13' is no month_of_year"),
        ({"crontab": "0 0 * * 7"}, "Sunday is 0"),
        (
            {"crontab": "0 0 * * noday"},
            "'noday' is no day_of_week of a crontab: it is a number from 0 to 6 or",
        ),
        ({"crontab": "*/0 0 * * *"}, "no step to go by"),
        ({"crontab": "5/10 0 * * *"}, "does not parse at '5/10'"),
        ({"crontab": "1,,2 0 * * *"}, "does not parse at ''"),
        ({"crontab": "0 0 30 2 *"}, "which no year has"),
        ({"crontab": "0 0 31 4,6 *"}, "which no year has"),
        ({"crontab": {"minutes": 5}}, "no field minutes"),
        ({"crontab": "0 3 * * *", "timezone": "Europe/Bonn"}, "no timezone 'Europe/Bonn'"),
        ({"crontab": "0 3 * * *", "timezone": "../etc/passwd"}, "no timezone"),
        ({"solar": {"event": "sunset"}}, "solar has event, latitude and longitude"),
        ({"solar": {"event": "noon", "latitude": 1, "longitude": 1}}, "no solar event 'noon'"),
        ({"solar": {"event": "sunset", "latitude": 91, "longitude": 1}}, "latitude is 91"),
        ({"solar": {"event": "sunset", "latitude": 1, "longitude": "east"}}, "longitude is 'east'"),
        ({"clocked": "tomorrow"}, "clocked is 'tomorrow'"),
        ({"clocked": datetime.date(2027, 1, 1)}, "a date with a time"),
        ({"clocked": "2027-01-31 06:00"}, "in which timezone"),
    ],
)
def test_what_cannot_be(given: Data, text: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        entry(**given)
    assert text in str(caught.value)


def test_the_29th_of_february_comes() -> None:
    assert entry(crontab="0 0 29 2 *").when["day_of_month"] == "29"


def test_names_are_unique() -> None:
    twice = [{"name": "n", "task": "t", "interval": 5}] * 2
    with pytest.raises(ScheduleError, match=r"\[1\]: there are two entries named 'n'"):
        _schedule.complete(twice)


def test_the_projects_timezone_exists() -> None:
    with pytest.raises(ScheduleError, match="celery_timezone: there is no timezone 'Mars/Base'"):
        _schedule.complete([], "Mars/Base")


def test_what_is_no_entry() -> None:
    with pytest.raises(ScheduleError, match="has to have keys"):
        _schedule.complete(["orders.tasks.send"])  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"crontab": "0 8 * * *", "timezone": "Europe/Berlin"}, "crontab 0 8 * * * Europe/Berlin"),
        ({"crontab": "0 8 * * *"}, "crontab 0 8 * * *"),
        ({"interval": "2m"}, "interval 120"),
    ],
)
def test_described(given: Data, text: str) -> None:
    assert _schedule.describe(entry(**given).as_data()) == text
