# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables have the types and defaults of their specs, and are read once."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._deployment import Route
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import variables

PATH = {"celery_project_path": "/srv/shop"}


def test_the_specs_say_types_and_defaults() -> None:
    found = variables.complete({**PATH, "celery_keep_connections": "no", "celery_longest_eta": "90"})
    assert (found["keep_connections"], found["longest_eta"]) == (False, 90)
    assert (found["delivery"], found["workers"]) == ("at_most_once", [{"name": "default"}])
    # The role hands over an empty text for what nobody has set.
    unset = variables.complete(
        {**PATH, "celery_visibility_timeout": "", "celery_user": "", "celery_delivery": ""}
    )
    assert (unset["visibility_timeout"], unset["user"]) == (None, "")
    assert unset["delivery"] == "at_most_once"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"celery_beat_takeover": "soon"}, "celery_beat_takeover"),
        ({"celery_delivery": "twice"}, "celery_delivery"),
        ({"celery_project_path": ""}, "celery_project_path"),
    ],
)
def test_what_does_not_fit_its_spec_is_named(given: dict[str, Any], why: str) -> None:
    with pytest.raises(variables.DeploymentError, match=why):
        variables.complete({**PATH, **given})


def test_secrets_are_not_among_them() -> None:
    given = {"celery_secrets": {"KEY": "s3cret"}, "celery_broker_url": "redis://:s3cret@a"}
    assert "s3cret" not in str(variables.complete({**PATH, **given}))


def test_urls_pools_and_routes_are_read_once(options: dict[str, Any]) -> None:
    given = {"broker_url": "redis://:s3cret@a;redis://b", "task_routes": {"orders.*": "mail"}}
    found = variables.read({**options, **given})
    assert found.broker.addresses == (("a", 6379), ("b", 6379))
    assert [pool.name for pool in found.pools] == ["default"]
    assert found.routes == (Route("orders.*", "mail"),)
    assert "s3cret" not in repr(found)


def test_what_is_wrong_does_not_keep_a_deployment_from_going(options: dict[str, Any]) -> None:
    given = {"task_routes": {"a b": "x"}, "beat_schedule": [{"name": "x"}]}
    with pytest.raises(variables.DeploymentError):
        variables.read({**options, **given})
    assert variables.read({**options, **given, "removing": True}).schedule == ()
