# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugins check and render on the controller, and hand plain data to the host."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.celeriac.django.plugins.action import (
    celery_deployment,
    celery_project,
    celery_service,
)

Act = Callable[..., tuple[dict[str, Any], dict[str, Any]]]

Found = dict[str, Any]


@pytest.fixture
def act(monkeypatch: pytest.MonkeyPatch) -> Act:
    """Runs an action plugin: returns its answer, and what it gave to the module."""

    def act(
        plugin: Any, answer: dict[str, Any] | None = None, **arguments: Any
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        given: dict[str, Any] = {}

        def execute(self: ActionBase, module_args: Any, task_vars: Any) -> dict[str, Any]:
            given.update(module_args)
            return dict(answer or {"changed": False})

        monkeypatch.setattr(plugin.ActionModule, "_execute_module", execute)
        task = MagicMock(args=arguments, async_val=0, check_mode=False, action="test")
        names = ("connection", "play_context", "loader", "templar", "shared_loader_obj")
        action = plugin.ActionModule(task=task, **{name: MagicMock() for name in names})
        hosts = {"inventory_hostname": "web1", "ansible_play_hosts_all": ["web1"], "hostvars": {}}
        return action.run(task_vars=hosts), given

    return act


@pytest.fixture
def deployment(act: Act, found: Found) -> dict[str, Any]:
    """The decisions for a plain project."""
    answer, _given = act(celery_deployment, found, project_path="/srv/shop")
    decided: dict[str, Any] = answer["deployment"]
    return decided


def test_a_deployment_is_decided_from_what_was_found(act: Act, found: Found) -> None:
    answer, given = act(
        celery_deployment,
        found,
        project_path="/srv/shop",
        broker_url="redis://:s3cret@mq.example/0",
        group_names={"celery_worker": ["web1"]},
    )
    assert answer["deployment"]["name"] == "shop"
    assert answer["deployment"]["duties"] == ["worker"]
    assert given["addresses"] == [["mq.example", 6379]]
    # The host needs no password to look whether the broker is there.
    assert "s3cret" not in str(given)


@pytest.mark.parametrize(
    ("arguments", "differs", "why"),
    [
        ({"project_path": "shop"}, {}, "absolute"),
        ({"project_path": "/srv", "workers": [{}]}, {}, "has no name"),
        ({"project_path": "/srv", "project_integrate": "never"}, {}, "no Celery app"),
        (
            {"project_path": "/srv", "broker_url": "redis://mq.example"},
            {"silent": ["mq.example:6379: timed out"]},
            "does not answer",
        ),
        (
            {"project_path": "/srv", "broker_url": "rediss://mq.example", "broker_ca": "/x"},
            {"unread_authorities": ["celery_broker_ca: /x: No such file or directory"]},
            "celery_broker_ca: /x: No such file",
        ),
        (
            {"project_path": "/srv", "broker_url": "sentinel://mq.example"},
            {},
            "celery_broker_master",
        ),
    ],
)
def test_what_cannot_be_is_a_failure_that_is_told_once(
    arguments: dict[str, Any], differs: Found, why: str, act: Act, found: Found
) -> None:
    with pytest.raises(AnsibleError, match=why) as caught:
        act(celery_deployment, {**found, **differs}, **arguments)
    assert caught.value.__cause__ is None


def test_what_fails_on_the_host_is_handed_on(act: Act) -> None:
    failed = {"failed": True, "msg": "no manage.py"}
    answer, _given = act(celery_deployment, failed, project_path="/srv/shop")
    assert answer == failed


def test_a_removal_asks_no_broker(act: Act, found: Found) -> None:
    _answer, given = act(
        celery_deployment,
        found,
        project_path="/srv/shop",
        broker_url="redis://gone.example",
        removing=True,
    )
    assert (given["addresses"], given["removing"]) == ([], True)


def test_a_project_gets_rendered_files(act: Act, deployment: dict[str, Any], project: Found) -> None:
    _answer, given = act(
        celery_project,
        path="/srv/shop",
        deployment=deployment,
        project=project,
        secret_names=["KEY"],
        environment={"CELERY_STATE_PATH": "/var/lib/x", "DEBUG": "false"},
    )
    assert "shop/celery.py" in given["files"]
    assert "KEY=" in given["blocks"][".env.example"]["lines"]
    assert given["environment"] == {"DEBUG": "false"}
    assert not {"deployment", "project", "secret_names", "templates_path"} & set(given)


def test_a_removal_renders_nothing(act: Act) -> None:
    _answer, given = act(celery_project, state="absent", path="/srv/shop")
    assert not {"files", "blocks"} & set(given)


def test_services_get_rendered_units(act: Act, deployment: dict[str, Any]) -> None:
    _answer, given = act(celery_service, deployment=deployment, hostname="web1", kind="worker")
    assert "shop-worker-default@.service" in given["units"]
    assert "shop-beat.service" not in given["units"]
    assert (given["name"], given["target"]) == ("shop", "shop-celery.target")
    assert given["files"] == ["/etc/shop-celery/environment", "/etc/shop-celery/secrets"]
    assert "deployment" not in given


@pytest.mark.parametrize(
    ("plugin", "template"),
    [(celery_project, "project/gitignore.j2"), (celery_service, "systemd/celery.target.j2")],
)
def test_a_template_of_the_user_that_does_not_work_is_named(
    plugin: Any, template: str, act: Act, deployment: dict[str, Any], project: Found, tmp_path: Path
) -> None:
    (tmp_path / template).parent.mkdir()
    (tmp_path / template).write_text("{{ absent }}")
    given = {"project": project} if plugin is celery_project else {}
    with pytest.raises(AnsibleError, match=f"{Path(template).name}.*'absent' is undefined"):
        act(plugin, deployment=deployment, templates_path=[str(tmp_path)], **given)
