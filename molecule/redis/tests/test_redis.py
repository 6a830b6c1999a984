"""Redis lets the project do what Celery needs and nothing more, and nobody without TLS or a password."""

from __future__ import annotations

import subprocess

import pytest

SERVER = "celeriac-redis-server"


def redis(user: str, password: str, command: str) -> str:
    """Return what Redis answers a user."""
    script = f"REDISCLI_AUTH={password} timeout 5 redis-cli --tls --insecure --user {user} {command}"
    done = subprocess.run(
        ["podman", "exec", SERVER, "bash", "-c", script], capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def password() -> str:
    """The password that the workers have."""
    script = "sed -n 's/^CELERY_BROKER_URL=//p' /etc/shop-celery/secrets"
    url = subprocess.check_output(["podman", "exec", "celeriac-redis-app", "bash", "-c", script], text=True)
    return url.partition("//shop:")[2].partition("@")[0]


def test_who_is_let_in(password: str) -> None:
    """The project's user with its password, and nobody else."""
    assert "PONG" in redis("shop", password, "PING")
    assert "WRONGPASS" in redis("shop", "wrong", "PING")
    assert "WRONGPASS" in redis("default", password, "PING")


@pytest.mark.parametrize(
    "command",
    [
        "FLUSHALL",
        "KEYS '*'",
        "SCAN 0",
        "CONFIG GET '*'",
        "SHUTDOWN",
        "MONITOR",
        "ACL LIST",
        "CLIENT LIST",
        "INFO",
        "GET other:key",
        "PUBLISH other:channel x",
        "PSUBSCRIBE '*'",
    ],
)
def test_dangerous_commands_are_refused(command: str, password: str) -> None:
    """Also what reaches beyond the project's keys and channels."""
    assert "NOPERM" in redis("shop", password, command)
