# SPDX-License-Identifier: GPL-3.0-or-later
"""Samples, routes and schedule of a deployment, decided together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._deployment import Deployment, Route, Samples
from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import App, Project
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import deployment as _deployment
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import warnings
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions.deployment import DeploymentError
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions.variables import read

Data = dict[str, Any]
SEND = {"name": "send", "task": "orders.tasks.send", "interval": 60}


@pytest.fixture
def decide(decide_with: Any, options: Data, found: Data) -> Any:
    """Checks and decides with other values than the plain ones."""

    def run(served: Sequence[str] = (), **given: Any) -> Deployment:
        wanted = {**options, **given}
        _deployment.check(read(wanted), {}, ["web1"])
        return decide_with(wanted, found, given.get("duties", ["worker", "beat"]), served=served)

    return run


def test_nothing_is_asked_for(decide: Any) -> None:
    deployment = decide()
    assert deployment.tasks.samples == Samples()
    assert deployment.tasks.routes == deployment.tasks.schedule == ()


def test_samples_bring_tables_tasks_schedule_and_a_queue(decide: Any) -> None:
    pools = [{"name": "default"}, {"name": "slow", "queues": ["celery", "slow"]}]
    deployment = decide(project_sample_apps=["orders"], workers=pools)
    assert deployment.tasks.samples.records == "shop.celery_records"
    assert {"orders.tasks.push", "shop.celery_records.tasks.relay"} <= set(deployment.tasks.expected)
    assert deployment.tasks.routes == (Route("orders.tasks.export", "slow"),)
    assert [entry.name for entry in deployment.tasks.schedule] == [
        "shop-relay",
        "shop-forget",
        "shop-orders-left-over",
    ]
    assert all(entry.task in deployment.tasks.expected for entry in deployment.tasks.schedule)


def test_a_route_of_the_inventory_wins(decide: Any) -> None:
    pools = [{"name": "default"}, {"name": "slow", "queues": ["slow", "mail"]}]
    deployment = decide(project_sample_apps=["orders"], workers=pools, task_routes={"orders.*": "mail"})
    assert deployment.tasks.routes == (Route("orders.*", "mail"),)


def test_an_entry_of_the_inventory_replaces_that_of_a_sample(decide: Any) -> None:
    mine = {**SEND, "name": "shop-relay", "enabled": False}
    deployment = decide(project_sample_apps=["orders"], beat_schedule=[mine])
    (relay,) = [entry for entry in deployment.tasks.schedule if entry.name == "shop-relay"]
    assert relay.enabled is False


def test_an_app_by_its_last_name(decide: Any, project: Project) -> None:
    project.samples = {"store.orders": project.samples.pop("orders")}
    assert decide(project_sample_apps=["orders"]).tasks.samples.apps[0].app == "store.orders"


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"project_sample_apps": ["order"]}, "did you mean orders?"),
        ({"project_sample_apps": ["zzz"]}, "there are orders"),
        ({"task_routes": {"orders.tasks.send": "slow"}}, "no pool consumes the queue 'slow'"),
        ({"task_routes": {"orders.tasks.sent": "celery"}}, "Did you mean orders.tasks.send?"),
        ({"beat_schedule": [{**SEND, "queue": "slow"}]}, "no pool consumes the queue 'slow'"),
        ({"beat_schedule": [{**SEND, "task": "orders.tasks.sent"}]}, "Did you mean orders.tasks.send?"),
        ({"beat_schedule": [{**SEND, "name": "shop-canary"}]}, "the name of the canary"),
        ({"beat_schedule": [SEND, SEND]}, "two entries"),
        ({"timezone": "Mars/Base"}, "no timezone"),
        (
            {
                "beat_scheduler": "redbeat",
                "beat_schedule": [
                    {"name": "s", "task": "t", "solar": {"event": "sunset", "latitude": 1, "longitude": 1}}
                ],
            },
            "RedBeat keeps no solar",
        ),
        (
            {
                "beat_scheduler": "redbeat",
                "beat_schedule": [
                    {"name": "s", "task": "t", "crontab": "0 3 * * *", "timezone": "Asia/Tokyo"}
                ],
            },
            "RedBeat keeps no timezone",
        ),
        ({"beat_scheduler": "redbeat", "beat_takeover": 4}, "celery_beat_takeover is 4"),
    ],
)
def test_what_cannot_be(given: Data, text: str, decide: Any) -> None:
    with pytest.raises(DeploymentError) as caught:
        decide(**given)
    assert text in str(caught.value)


def test_two_apps_of_the_same_last_name(decide: Any, project: Project) -> None:
    place = project.samples["orders"]
    project.samples = {"a.orders": place, "b.orders": place}
    with pytest.raises(DeploymentError, match="may be a"):
        decide(project_sample_apps=["orders"])


def test_queues_of_other_hosts_count(decide: Any) -> None:
    deployment = decide(task_routes={"orders.tasks.send": "slow"}, served=["celery", "slow"])
    assert deployment.tasks.routes == (Route("orders.tasks.send", "slow"),)


def test_an_app_of_the_projects_own_keeps_its_settings(decide: Any, project: Project) -> None:
    project.celery_app = App("shop.celery", "app", "shop/celery.py", "shop/celery.py:3")
    for given in ({"project_sample_apps": ["orders"]}, {"task_routes": {"orders.tasks.send": "celery"}}):
        with pytest.raises(DeploymentError, match="own Celery app is left alone"):
            decide(**given)
    with pytest.raises(DeploymentError, match="own Celery app is left alone"):
        decide(beat_schedule=[SEND], beat_scheduler="file")
    assert decide(beat_schedule=[SEND]).beat.writes_schedule is True
    assert decide().beat.writes_schedule is False


def test_tables_stay_as_long_as_somebody_uses_them(decide: Any, project: Project) -> None:
    project.records_used = "tables"
    samples = decide().tasks.samples
    assert (samples.records, samples.has_item) == ("shop.celery_records", False)
    project.records_used = "item"
    assert decide().tasks.samples.has_item is True


def test_several_beats_with_redbeat_alone(options: Data) -> None:
    groups = {"celery_beat": ["a", "b"], "celery_worker": ["a", "b"]}
    redis = {**options, "broker_url": "redis://broker"}
    _deployment.check(read({**redis, "beat_scheduler": "redbeat"}), groups, ["a", "b"])
    with pytest.raises(DeploymentError, match="would run beat"):
        _deployment.check(read(redis), groups, ["a", "b"])


def test_the_removal_asks_for_nothing(decide_with: Any, decide: Any, options: Data, found: Data) -> None:
    wanted = {**options, "removing": True, "project_sample_apps": ["gone"], "task_routes": {"x": "gone"}}
    assert decide_with(wanted, found, []).tasks.samples == Samples()


def test_the_sun_needs_a_package(decide: Any) -> None:
    sunset = {"name": "s", "task": "t", "solar": {"event": "sunset", "latitude": 1, "longitude": 1}}
    assert any(spec.startswith("ephem") for spec in decide(beat_schedule=[sunset]).requirements.own)
    assert not any(spec.startswith("ephem") for spec in decide().requirements.own)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"task_routes": {"payments.*": "celery"}}, "no task of the project is called like payments.*"),
        ({"task_routes": {"orders.*": {"priority": 3}}}, "knows no priorities"),
    ],
)
def test_warnings(given: Data, text: str, decide: Any, options: Data, found: Data) -> None:
    texts = warnings.warnings(read({**options, **given}), found["project"], found["host"], decide(**given))
    assert any(text in warning for warning in texts)
    plain = warnings.warnings(read(options), found["project"], found["host"], decide())
    assert not any(text in warning for warning in plain)
