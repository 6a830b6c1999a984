# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugins check and render on the controller, and hand plain data to the host."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.celeriac.django.plugins.action import (
    celery_deployment,
    celery_first_look,
    celery_project,
    celery_rabbitmq_plan,
    celery_service,
)
from ansible_collections.celeriac.django.plugins.module_utils._deployment import Deployment
from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import Project

Act = Callable[..., tuple[dict[str, Any], dict[str, Any]]]

Found = dict[str, Any]

SHOP = {"celery_project_path": "/srv/shop"}

#: One host with RabbitMQ, two that run workers, and one of no group: it runs workers too.
GROUPS = {
    "all": ["mq1", "web1", "web2", "extra"],
    "celery_broker": ["mq1"],
    "celery_worker": ["web1", "web2"],
}
HOSTVARS: dict[str, dict[str, Any]] = {
    "mq1": {"celery_workers": [{"name": "x", "queues": ["of-no-worker"]}]},
    "web1": {},
    "web2": {
        "celery_workers": [
            {"name": "slow", "queues": ["slow"], "delivery": "at_least_once", "time_limit": 9000}
        ]
    },
    "extra": {"celery_other_queues": ["reports"]},
}


@pytest.fixture
def act(monkeypatch: pytest.MonkeyPatch) -> Act:
    """Runs an action plugin: returns its answer, and what it gave to the module."""

    def act(
        plugin: Any,
        answer: dict[str, Any] | None = None,
        *,
        hostvars: dict[str, dict[str, Any]] | None = None,
        check_mode: bool = False,
        **arguments: Any,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        given: dict[str, Any] = {}

        def execute(self: ActionBase, module_args: Any, task_vars: Any) -> dict[str, Any]:
            given.update(module_args)
            return json.loads(json.dumps(answer or {"changed": False}))

        monkeypatch.setattr(plugin.ActionModule, "_execute_module", execute)
        task = MagicMock(args=arguments, async_val=0, check_mode=check_mode, action="test")
        names = ("connection", "play_context", "loader", "templar", "shared_loader_obj")
        action = plugin.ActionModule(task=task, **{name: MagicMock() for name in names})
        hosts = {"inventory_hostname": "web1", "ansible_play_hosts_all": ["web1"], "hostvars": hostvars or {}}
        groups = arguments.get("group_names", GROUPS)
        return action.run(task_vars={**hosts, "groups": groups}), given

    return act


@pytest.fixture
def sent(found: Found, project: Project) -> Found:
    """What the module answers, as it comes over the wire."""
    return {**found, "project": project.as_data(), "host": asdict(found["host"])}


def test_a_deployment_is_decided_from_what_was_found(act: Act, sent: Found) -> None:
    answer, given = act(
        celery_deployment,
        sent,
        variables=SHOP,
        broker_url="redis://:s3cret@mq.example/0",
        group_names={"celery_worker": ["web1"]},
    )
    assert answer["deployment"]["name"] == "shop"
    assert answer["deployment"]["run"]["duties"] == ["worker"]
    assert given["addresses"] == [["mq.example", 6379]]
    # The host needs no password to look whether the broker is there.
    assert "s3cret" not in str(given)


@pytest.mark.parametrize(
    ("arguments", "differs", "why"),
    [
        ({"variables": {"celery_project_path": "shop"}}, {}, "absolute"),
        ({"variables": {"celery_project_path": "/srv", "celery_workers": [{}]}}, {}, "has no name"),
        (
            {"variables": {"celery_project_path": "/srv", "celery_project_integrate": "never"}},
            {},
            "no Celery app",
        ),
        (
            {"variables": SHOP, "broker_url": "redis://mq.example"},
            {"silent": ["mq.example:6379: timed out"]},
            "does not answer",
        ),
        (
            {"variables": SHOP, "broker_url": "rediss://mq.example"},
            {"unread_authorities": ["celery_broker_ca: /x: No such file or directory"]},
            "celery_broker_ca: /x: No such file",
        ),
        (
            {"variables": SHOP, "broker_url": "sentinel://mq.example"},
            {},
            "celery_broker_master",
        ),
    ],
)
def test_what_cannot_be_is_a_failure_that_is_told_once(
    arguments: dict[str, Any], differs: Found, why: str, act: Act, sent: Found
) -> None:
    answer, _given = act(celery_deployment, {**sent, **differs}, **arguments)
    assert answer["failed"]
    assert why in answer["msg"]


def test_what_fails_on_the_host_is_handed_on(act: Act) -> None:
    failed = {"failed": True, "msg": "no manage.py"}
    answer, _given = act(celery_deployment, failed, variables=SHOP)
    assert answer == failed


def test_why_nothing_could_be_run_is_in_the_message(act: Act) -> None:
    failed = {
        "failed": True,
        "msg": "No start of json char found",
        "module_stderr": "python3: command not found",
    }
    answer, _given = act(celery_deployment, failed, variables=SHOP)
    assert "python3: command not found" in answer["msg"]
    assert "ansible_python_interpreter" in answer["msg"]


def test_rabbitmq_is_as_patient_as_its_slowest_workers(act: Act, sent: Found) -> None:
    """What the role celery_broker writes for all hosts is what each of them counts on."""
    given = {
        "variables": {**SHOP, "celery_result_backend": "none"},
        "broker_url": "amqp://mq1/shop",
        "group_names": GROUPS,
    }
    plan, _given = act(celery_rabbitmq_plan, hostvars=HOSTVARS)
    patience = plan["consumer_timeout"]
    ours, _given = act(celery_deployment, sent, hostvars=HOSTVARS, broker_patience=patience, **given)
    assert ours["deployment"]["limits"]["consumer_timeout"] == 9030
    # Somebody else's RabbitMQ has its own.
    theirs, _given = act(celery_deployment, sent, hostvars=HOSTVARS, **given)
    assert theirs["deployment"]["limits"]["consumer_timeout"] == 1800


def test_a_time_that_is_none_is_told_with_its_variable(act: Act) -> None:
    hostvars = {**HOSTVARS, "web2": {"celery_longest_eta": "a day"}}
    with pytest.raises(AnsibleError, match="celery_longest_eta is 'a day'") as caught:
        act(celery_rabbitmq_plan, hostvars=hostvars)
    assert caught.value.__cause__ is None


def test_rabbitmq_gets_what_the_working_hosts_need(act: Act) -> None:
    """Those that only serve the broker to the others do not count."""
    answer, given = act(celery_rabbitmq_plan, hostvars=HOSTVARS)
    assert not answer["changed"]
    assert (answer["queues"], answer["consumer_timeout"]) == (["celery", "reports", "slow"], 9030)
    assert answer["queue_pattern"] == "^(celery|reports|slow)$"
    assert set(answer["permissions"]) == {"configure", "write", "read"}
    assert given == {}  # no host is asked


def test_a_malformed_pool_is_told_once(act: Act) -> None:
    with pytest.raises(AnsibleError, match="has no name") as caught:
        act(celery_rabbitmq_plan, hostvars={**HOSTVARS, "web1": {"celery_workers": [{}]}})
    assert caught.value.__cause__ is None


def test_check_mode_waits_for_no_broker_that_is_still_to_be_set_up(act: Act, sent: Found) -> None:
    given = {
        "variables": {**SHOP, "celery_result_backend": "none"},
        "broker_url": "redis://mq1/0",
        "group_names": GROUPS,
    }
    given["hostvars"] = HOSTVARS
    silent = {**sent, "silent": ["mq1:6379: Connection refused"]}
    answer, _given = act(celery_deployment, silent, check_mode=True, broker_server="redis", **given)
    assert "mq1:6379: Connection refused" in answer["warnings"][0]
    for arguments in ({"broker_server": "redis"}, {"check_mode": True}):
        answer, _given = act(celery_deployment, silent, **arguments, **given)
        assert "does not answer" in answer["msg"]


def test_a_removal_asks_no_broker(act: Act, sent: Found) -> None:
    _answer, given = act(
        celery_deployment,
        sent,
        variables=SHOP,
        broker_url="redis://gone.example",
        removing=True,
    )
    assert (given["addresses"], given["removing"]) == ([], True)


def test_a_project_gets_rendered_files(act: Act, deployment: Deployment, project: Project) -> None:
    _answer, given = act(
        celery_project,
        path="/srv/shop",
        deployment=deployment.as_data(),
        discovered=project.as_data(),
        secret_names=["KEY"],
        project={"environment": {"CELERY_STATE_PATH": "/var/lib/x", "DEBUG": "false"}},
    )
    assert "shop/celery.py" in given["files"]
    assert "KEY=" in given["blocks"][".env.example"]["lines"]
    assert given["project"]["environment"] == {"DEBUG": "false"}
    assert not {"deployment", "discovered", "secret_names", "templates_path"} & set(given)


def test_a_removal_renders_nothing(act: Act) -> None:
    _answer, given = act(celery_project, state="absent", path="/srv/shop")
    assert not {"files", "blocks"} & set(given)


def test_services_get_rendered_units(act: Act, deployment: Deployment) -> None:
    _answer, given = act(celery_service, deployment=deployment.as_data(), hostname="web1", kind="worker")
    assert "shop-worker-default@.service" in given["units"]
    assert "shop-beat.service" not in given["units"]
    assert (given["name"], given["target"]) == ("shop", "shop-celery.target")
    assert given["files"] == ["/etc/shop-celery/environment", "/etc/shop-celery/secrets"]
    assert "deployment" not in given


def test_a_deploy_has_seen_that_it_can_run_before_it_starts_anything(
    act: Act, deployment: Deployment
) -> None:
    given = {
        "deployment": deployment.as_data(),
        "kind": "worker",
        "environment_path": "/etc/shop-celery/next",
    }
    _answer, seen = act(celery_service, **given, see=True)
    assert seen["preflight"]
    assert seen["files"] == ["/etc/shop-celery/next/environment", "/etc/shop-celery/next/secrets"]
    _answer, held = act(celery_service, **given, hold=True)
    assert "preflight" not in held
    assert held["units"] == seen["units"]


def test_without_systemd_there_is_the_launcher_alone(act: Act, deployment: Deployment) -> None:
    alone = replace(
        deployment,
        run=replace(deployment.run, systemd=False),
        places=replace(deployment.places, launcher="/srv/shop/.celery/launch.py"),
    )
    _answer, given = act(celery_service, deployment=alone.as_data())
    assert {"/srv/shop/.celery/launch.py", "/srv/shop/.celery/celeriac_service/__init__.py"} <= set(
        given["support"]
    )
    assert given["systemd"] is False
    assert not {"units", "preflight"} & set(given)


@pytest.mark.parametrize(
    ("plugin", "template"),
    [(celery_project, "project/gitignore.j2"), (celery_service, "systemd/celery.target.j2")],
)
def test_a_template_of_the_user_that_does_not_work_is_named(
    plugin: Any, template: str, act: Act, deployment: Deployment, project: Project, tmp_path: Path
) -> None:
    (tmp_path / template).parent.mkdir()
    (tmp_path / template).write_text("{{ absent }}")
    given = {"discovered": project.as_data()} if plugin is celery_project else {}
    with pytest.raises(AnsibleError, match=f"{Path(template).name}.*'absent' is undefined"):
        act(plugin, deployment=deployment.as_data(), templates_path=[str(tmp_path)], **given)


class _Unset(dict[str, Any]):
    """Variables of a host, one of which names what is not there."""

    def __getitem__(self, name: str) -> Any:
        if name == self.get("lacking"):
            raise AnsibleError("'vault_shop' is undefined")
        return super().__getitem__(name)


@pytest.mark.parametrize(
    ("lacking", "works", "fails"),
    [
        ("celery_secrets", False, False),
        ("celery_secrets", True, True),
        ("celery_broker_password", False, True),
    ],
)
def test_a_server_needs_no_variables_of_workers(lacking: str, works: bool, fails: bool) -> None:
    """What cannot be computed is an error where something reads it."""
    variables = _Unset({lacking: "", "celery_user": "shop", "lacking": lacking})
    if fails:
        with pytest.raises(AnsibleActionFail, match=f"{lacking} cannot be computed: 'vault"):
            celery_first_look._own(variables, works)
    else:
        assert celery_first_look._own(variables, works) == {"celery_user": "shop"}
