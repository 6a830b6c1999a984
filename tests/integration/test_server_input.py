# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles of the servers are given is checked before they look at a host."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.include_role:
        name: celeriac.django.{role}
        tasks_from: validate
        rolespec_validate: false
"""
INVENTORY = """
[celery_broker]
localhost ansible_connection=local
[celery_database]
localhost
"""
BROKER = {"celery_project_name": "shop", "celery_broker_password": "a\\x0Z-@/ü"}
RABBITMQ = {**BROKER, "celery_broker_server": "rabbitmq"}
DATABASE = {"celery_database_name": "shop", "celery_database_password": 12}


def told(tmp_path: Path, role: str, variables: dict[str, Any]) -> str:
    """Return what the role says against variables, empty if it takes them."""
    (tmp_path / "play.yml").write_text(PLAY.format(role=role))
    (tmp_path / "hosts.ini").write_text(INVENTORY)
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    done = subprocess.run(
        [program, "-i", "hosts.ini", "-e", json.dumps(variables), "play.yml"],
        cwd=tmp_path,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "LANG": "C.UTF-8",
            "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.minimal",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    failed = re.search(r"FAILED! => (\{.*?\n\})", done.stdout, re.DOTALL)
    assert bool(failed) == (done.returncode != 0), done.stdout
    return " ".join(str(json.loads(failed[1])["msg"]).split()) if failed else ""


@pytest.mark.parametrize(
    ("role", "variables"),
    [
        ("celery_broker", BROKER),
        ("celery_broker", {**BROKER, "celery_broker_commands": ["config|get", "@geo", "incrbyfloat"]}),
        ("celery_broker", RABBITMQ),
        ("celery_database", DATABASE),
        ("celery_database", {**DATABASE, "celery_database_clients": ["10.0.0.1/24", "::1", "10.0.0.7"]}),
    ],
)
def test_what_is_right_is_taken(tmp_path: Path, role: str, variables: dict[str, Any]) -> None:
    assert told(tmp_path, role, variables) == ""


@pytest.mark.parametrize(
    ("role", "variables", "text"),
    [
        ("celery_broker", {**BROKER, "celery_broker_password": ""}, "celery_broker_password is missing"),
        ("celery_broker", {**BROKER, "celery_broker_password": "a\nb"}, "contains a line break"),
        (
            "celery_broker",
            {**BROKER, "celery_broker_admin_password": "a\x7f"},
            "celery_broker_admin_password contains",
        ),
        ("celery_broker", {"celery_broker_password": "ab"}, "celery_project_name is not set"),
        ("celery_broker", {**BROKER, "celery_broker_maxmemory": "lots"}, "celery_broker_maxmemory is lots"),
        ("celery_broker", {**BROKER, "celery_broker_commands": ["config get"]}, "are names such as"),
        ("celery_broker", {**BROKER, "celery_broker_tls": True}, "celery_broker_tls needs"),
        (
            "celery_broker",
            {**RABBITMQ, "celery_broker_user": "guest"},
            "guest is a user that this role removes",
        ),
        ("celery_database", {**DATABASE, "celery_database_password": ""}, "password is missing"),
        ("celery_database", {**DATABASE, "celery_database_password": "1\n"}, "contains a line break"),
        ("celery_database", {**DATABASE, "celery_database_name": "a b"}, "celery_database_name is required"),
        ("celery_database", {**DATABASE, "celery_database_clients": ["web"]}, "must be IP addresses"),
        ("celery_database", {**DATABASE, "celery_database_tls": True}, "celery_database_tls needs"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, role: str, variables: dict[str, Any], text: str) -> None:
    assert text in told(tmp_path, role, variables)
