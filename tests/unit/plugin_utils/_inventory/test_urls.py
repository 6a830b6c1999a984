# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""URLs of the servers of the inventory are read by all that get them as they were meant."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import broker as _broker
from ansible_collections.celeriac.django.plugins.plugin_utils._inventory import urls

Hostvars = dict[str, dict[str, Any]]


def broker(
    *nodes: str, asking: str = "web", server: str = "redis", tls: bool = False, **hostvars: dict[str, Any]
) -> str:
    """Return the URL of these hosts, for the user shop."""
    variables: Hostvars = {node: {} for node in nodes} | hostvars
    access = urls.Access("shop", "pw", tls)
    return urls.broker_url(nodes, asking, variables, server=server, access=access, vhost="shop")


def database(
    host: str, *, asking: str = "web", tls: bool = False, variables: dict[str, Any] | None = None
) -> str:
    """Return the URL of the database shop on this host."""
    return urls.database_url(
        host,
        asking,
        {host: variables or {}},
        name="shop",
        access=urls.Access("shop", "pw", tls),
        authority="/etc/ssl/ca.crt",
    )


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        (broker("mq"), "redis://shop:pw@mq:6379/0"),
        (broker("mq", server="valkey"), "redis://shop:pw@mq:6379/0"),
        (broker("mq", tls=True), "rediss://shop:pw@mq:6379/0"),
        (broker("mq", server="rabbitmq"), "amqp://shop:pw@mq:5672/shop"),
        (
            broker("a", "b", "c", server="rabbitmq", tls=True),
            "amqps://shop:pw@a:5671/shop;amqps://shop:pw@b:5671/shop;amqps://shop:pw@c:5671/shop",
        ),
        # On its own host; a certificate has no name for loopback.
        (broker("web"), "redis://shop:pw@127.0.0.1:6379/0"),
        (broker("web", tls=True), "rediss://shop:pw@web:6379/0"),
        (
            broker("web", "b", server="rabbitmq"),
            "amqp://shop:pw@127.0.0.1:5672/shop;amqp://shop:pw@b:5672/shop",
        ),
        # As the host wants it.
        (broker("mq", mq={"celery_broker_address": "10.0.0.7"}), "redis://shop:pw@10.0.0.7:6379/0"),
        (broker("mq", mq={"celery_broker_address": "fd00::7"}), "redis://shop:pw@[fd00::7]:6379/0"),
        (broker("mq", mq={"celery_broker_address": "[fd00::7]"}), "redis://shop:pw@[fd00::7]:6379/0"),
        (broker("fd00::5"), "redis://shop:pw@[fd00::5]:6379/0"),
        # How the controller reaches it is no address for others.
        (broker("mq", mq={"ansible_host": "203.0.113.9"}), "redis://shop:pw@mq:6379/0"),
        (database("db"), "postgres://shop:pw@db:5432/shop"),
        (database("web"), "postgres://shop:pw@127.0.0.1:5432/shop"),
        (database("fd00::6"), "postgres://shop:pw@[fd00::6]:5432/shop"),
        (
            database("db", variables={"celery_database_address": "10.0.0.8"}),
            "postgres://shop:pw@10.0.0.8:5432/shop",
        ),
        (
            database("db", tls=True),
            "postgres://shop:pw@db:5432/shop?sslmode=verify-full&sslrootcert=/etc/ssl/ca.crt",
        ),
    ],
)
def test_url(url: str, wanted: str) -> None:
    assert url == wanted


def test_a_server_that_there_is_not_is_named() -> None:
    with pytest.raises(ValueError, match="celery_broker_server is 'kafka', and has to be one of redis"):
        broker("mq", server="kafka")


@given(password=st.text(min_size=1), server=st.sampled_from(["redis", "rabbitmq"]))
def test_a_password_comes_back_whatever_is_in_it(password: str, server: str) -> None:
    access = urls.Access("shop", password, tls=False)
    url = urls.broker_url(["fd00::5"], "web", {"fd00::5": {}}, server=server, access=access, vhost="shop")
    assert unquote(urlsplit(url).password or "") == password
    assert _broker.parse(url).addresses[0][0] == "fd00::5"


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("postgres://u:p@db:5432/shop", "db+postgresql+psycopg://u:p@db:5432/shop"),
        ("postgresql+psycopg2://u:p@db/shop", "db+postgresql+psycopg://u:p@db/shop"),
        (
            "postgres://u:p@db/shop?sslmode=require&conn_max_age=60&connect_timeout=3",
            "db+postgresql+psycopg://u:p@db/shop?sslmode=require&connect_timeout=3",
        ),
        ("postgis://u:p%3F@db/shop?conn_max_age=60", "db+postgresql+psycopg://u:p%3F@db/shop"),
        ("", ""),
    ],
)
def test_sqlalchemy_url(url: str, wanted: str) -> None:
    assert urls.sqlalchemy_url(url) == wanted
