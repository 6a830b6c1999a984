# SPDX-License-Identifier: GPL-3.0-or-later
"""The host is what the other tests take it for."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import yaml

GIVEN = yaml.safe_load((Path(__file__).parents[1] / "inventory/group_vars/molecule/celery.yml").read_text())


def test_systemd_is_running(host):
    """Systemd is the first process, and no unit has failed."""
    assert host.check_output("cat /proc/1/comm") == "systemd"
    assert host.check_output("systemctl is-system-running") == "running"


def test_database_answers(host):
    """PostgreSQL lets the project in, at the address that it is given."""
    url = GIVEN["celery_secrets"]["DATABASE_URL"]
    query = "SHOW server_encoding"
    assert host.check_output("psql -At --command=%s %s", query, url) == "UTF8"


def test_broker_answers(host):
    """Redis answers with its password, and only with it."""
    url = urlsplit(GIVEN["celery_broker_url"])
    ping = f"redis-cli -h {url.hostname} -p {url.port} ping"
    assert host.check_output("REDISCLI_AUTH=%s " + ping, url.password) == "PONG"
    assert "NOAUTH" in host.run(ping).stdout


def test_checkout_belongs_to_who_deploys(host):
    """The checkout is there, and is not the root user's."""
    checkout = host.file(GIVEN["celery_project_path"])
    assert (checkout.user, checkout.mode) == ("deploy", 0o755)
    assert host.file(f"{checkout.path}/manage.py").user == "deploy"
