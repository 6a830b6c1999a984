# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A broker's URL is read, and its password is never told."""

from __future__ import annotations

import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import broker as _broker


@pytest.mark.parametrize(
    ("url", "transport", "addresses", "extra"),
    [
        ("", "filesystem", (), ""),
        ("filesystem://", "filesystem", (), ""),
        ("redis://:pw@redis.example:6380/1", "redis", (("redis.example", 6380),), "redis"),
        ("redis://redis.example", "redis", (("redis.example", 6379),), "redis"),
        ("rediss://user:pw@10.0.0.5/0", "rediss", (("10.0.0.5", 6379),), "redis"),
        ("redis://[::1]:6379/0", "redis", (("::1", 6379),), "redis"),
        ("REDIS://HOST/0", "redis", (("host", 6379),), "redis"),
        (
            "sentinel://:pw@a:26379;sentinel://b;sentinel://c:1",
            "sentinel",
            (("a", 26379), ("b", 26379), ("c", 1)),
            "redis",
        ),
        ("amqp://user:pw@mq.example/vhost", "amqp", (("mq.example", 5672),), ""),
        ("amqps://user:pw@mq.example//", "amqps", (("mq.example", 5671),), ""),
        ("pyamqp://mq.example:5673", "pyamqp", (("mq.example", 5673),), ""),
        ("pyamqp://mq.example", "pyamqp", (("mq.example", 5672),), ""),
        ("amqp://u:p@a;amqp://u:p@b:5673;", "amqp", (("a", 5672), ("b", 5673)), ""),
        ("amqp://user:p%40ss%2F%23@mq", "amqp", (("mq", 5672),), ""),
        ("amqp://user:p@ss@mq", "amqp", (("mq", 5672),), ""),
        ("sqs://", "sqs", (), "sqs"),
        ("sqs://key:secret@", "sqs", (), "sqs"),
        ("sqs://key:sec%2Fret@127.0.0.1:9324", "sqs", (), "sqs"),
    ],
)
def test_a_url_is_read(url: str, transport: str, addresses: tuple[tuple[str, int], ...], extra: str) -> None:
    found = _broker.parse(url)
    assert found == _broker.Broker(transport, addresses)
    assert found.extra == extra


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("redis.example:6379", "is no URL"),
        ("/var/run/redis.sock", "is no URL"),
        ("redis://a;b:6379", "is no URL"),
        ("kafka://a:9092", "the transport 'kafka' is not supported"),
        ("kafka://a:9092", "redis, rediss, sentinel, amqp"),
        ("sqla+sqlite:///x.db", "nothing could be proven"),
        ("valkey://a:6379/0", "write redis://"),
        ("VALKEYS://a:6379/0", "write rediss://"),
        ("redis+cluster://a", "Redis Cluster"),
        ("rabbit://a", "'rabbit' is not supported; these are"),
        ("redis://", "names no host"),
        ("redis://:pw@:6379/0", "names no host"),
        ("redis://a:port/0", "does not parse"),
        ("redis://a:65536/0", "does not parse"),
        ("redis://[::1/0", "does not parse"),
        ("amqp://user:12/34@mq.example/vhost", "percent-encoded"),
        ("amqp://user:12?34@mq.example/vhost", "percent-encoded"),
        ("amqp://user:12#34@mq.example/vhost", "percent-encoded"),
        ("sqs://AKIA:ab/cd@", "percent-encoded"),
    ],
)
def test_what_cannot_be_is_refused(url: str, why: str) -> None:
    with pytest.raises(_broker.BrokerError) as caught:
        _broker.parse(url)
    assert why in str(caught.value)
    assert str(caught.value).startswith("celery_broker_url")


def test_what_is_refused_is_not_offered() -> None:
    assert not set(_broker.REFUSED) & set(_broker.TRANSPORTS)


@pytest.mark.parametrize(
    ("url", "master", "why"),
    [
        ("sentinel://a;sentinel://b", "mymaster", ""),
        ("redis://a", "", ""),
        ("sentinel://a", "", "celery_broker_master"),
        ("redis://a", "mymaster", "sentinel:// alone"),
        ("", "mymaster", "celery_broker_url is filesystem://"),
    ],
)
def test_sentinels_need_the_name_of_their_redis(url: str, master: str, why: str) -> None:
    if not why:
        _broker.check_options(_broker.parse(url), master, tls=False)
        return
    with pytest.raises(_broker.BrokerError, match=why):
        _broker.check_options(_broker.parse(url), master, tls=False)


@pytest.mark.parametrize(
    ("url", "instead"),
    [
        ("redis://a", "rediss://"),
        ("amqp://a;amqp://b", "amqps://"),
        ("rediss://a", ""),
        ("amqps://a", ""),
        ("redis://127.0.0.1", ""),
        ("filesystem://", ""),
    ],
)
def test_tls_is_not_promised_by_halves(url: str, instead: str) -> None:
    if not instead:
        _broker.check_options(_broker.parse(url), "", tls=True)
        return
    with pytest.raises(_broker.BrokerError, match=f"celery_broker_tls is true.* write {instead}"):
        _broker.check_options(_broker.parse(url), "", tls=True)


@pytest.mark.parametrize(
    ("url", "control", "visibility"),
    [
        ("", True, False),
        ("rediss://a", True, True),
        ("sentinel://a", True, True),
        ("amqp://a", True, False),
        ("sqs://", False, True),
    ],
)
def test_what_a_transport_can_do(url: str, control: bool, visibility: bool) -> None:
    broker = _broker.parse(url)
    assert (broker.facts.has_control, broker.facts.counts_visibility) == (control, visibility)


#: What every password here has in it.
MARK = "s3cr3t"
PASSWORDS = st.builds(
    lambda *parts: MARK.join(parts),
    *[st.text(st.sampled_from("#/?@:;%[]{}!$&'()*+,= 0é\u2100\n"), max_size=4)] * 3,
)


@given(
    st.sampled_from(["redis://:{}@host:6379/0", "amqp://user:{}@host/vhost", "sentinel://:{}@host"]),
    PASSWORDS,
)
def test_no_password_is_told(form: str, password: str) -> None:
    try:
        found = repr(_broker.parse(form.format(password)))
        assert "('host', " in found
    except _broker.BrokerError as error:
        # With its causes: Ansible tells them as well.
        found = "".join(traceback.format_exception(error))
    assert MARK not in found


@given(st.text(st.sampled_from("0123456789/?#:@;"), max_size=8))
def test_a_password_is_not_taken_for_an_address(password: str) -> None:
    try:
        found = _broker.parse(f"amqp://user:{password}@host:5672/vhost")
    except _broker.BrokerError:
        return
    assert found.addresses == (("host", 5672),)


@pytest.mark.parametrize(("url", "embedded"), [("", True), ("filesystem://", True), ("redis://a", False)])
def test_only_the_folder_is_embedded(url: str, embedded: bool) -> None:
    assert _broker.parse(url).embedded is embedded


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("redis://127.0.0.1", True),
        ("redis://localhost:6380", True),
        ("redis://[::1]", True),
        ("redis://10.0.0.1", False),
        ("sentinel://localhost;sentinel://b", False),
        ("sqs://key:secret@", False),
        ("", False),
    ],
)
def test_a_broker_on_each_host(url: str, local: bool) -> None:
    assert _broker.parse(url).local is local


def test_the_same_with_tls_is_a_transport_too() -> None:
    """What somebody is told to write is there, and differs in nothing but its port."""
    for name, plain in _broker.TRANSPORTS.items():
        if plain.with_tls:
            secure = _broker.TRANSPORTS[plain.with_tls]
            assert not secure.with_tls, name
            assert (secure.server, secure.extra) == (plain.server, plain.extra)
