# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Broker, results and RedBeat find a Redis through its Sentinel, with TLS to both, and check who they are."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import requirements
from ansible_collections.celeriac.django.plugins.plugin_utils._rendering.templates import Templates

from .conftest import free_port, redis_process
from .layouts.virtualenvs import virtualenv

SCRIPT = Path(__file__).with_name("brokers") / "sentinel.py"


@pytest.fixture(scope="module")
def python() -> Path:
    """The Python of a virtualenv with Celery, a client of Redis, and RedBeat."""
    return virtualenv(
        "5.2",
        Path(shutil.which("python3.11") or sys.executable),
        ("celery[redis]>=5.7,<6", "hiredis>=3", requirements.REDBEAT),
    )


#: Makes the authorities `ours` and `other`, and a certificate of the first for this host.
CERTIFICATES = """
set -e
for name in ours other; do
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$name" \\
    -addext keyUsage=critical,keyCertSign -keyout $name.key -out $name.pem
done
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=redis \\
  -keyout server.key -out server.csr
echo subjectAltName=IP:127.0.0.1 > extensions
openssl x509 -req -in server.csr -CA ours.pem -CAkey ours.key -CAcreateserial -days 2 -extfile extensions \\
  -out server.pem
"""
SENTINEL = """
port 0
tls-port {sentinel}
tls-replication yes
tls-cert-file {folder}/server.pem
tls-key-file {folder}/server.key
tls-ca-cert-file {folder}/ours.pem
tls-auth-clients no
bind 127.0.0.1
dir {folder}
requirepass guards
sentinel monitor queue 127.0.0.1 {redis} 1
sentinel auth-pass queue password
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with certificates, and with the module that the settings take their options from."""
    folder = tmp_path_factory.mktemp("sentinel")
    subprocess.run(["bash", "-c", CERTIFICATES], cwd=folder, check=True, capture_output=True)
    beat, routing = {"scheduler": "redbeat"}, {"priorities": False}
    values = {"name": "shop", "package_depth": 1, "beat": beat, "routing": routing}
    text = Templates("project").render("package/celery_ops/broker.py", values)
    (folder / "broker.py").write_text(text)
    return folder


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    """The URL of a Sentinel that speaks TLS alone, as does the Redis that it knows as `queue`."""
    redis, sentinel = free_port(), free_port()
    arguments = f"--port 0 --tls-port {redis} --bind 127.0.0.1 --requirepass password --tls-auth-clients no"
    for name, file in (("cert", "server.pem"), ("key", "server.key"), ("ca-cert", "ours.pem")):
        arguments += f" --tls-{name}-file {folder / file}"
    configuration = folder / "sentinel.conf"
    configuration.write_text(SENTINEL.format(folder=folder, redis=redis, sentinel=sentinel))
    with (
        redis_process(redis, "redis-server", *arguments.split(), "--save", ""),
        redis_process(sentinel, "redis-sentinel", str(configuration)),
    ):
        yield f"sentinel://:password@127.0.0.1:{sentinel}/0"


def ask(python: Path, folder: Path, url: str, **environment: str) -> str:
    """Return what becomes of a task, its result, and RedBeat's note."""
    given = {
        "PATH": os.defpath,
        "CELERY_BROKER_URL": url,
        "CELERY_BROKER_MASTER": "queue",
        "CELERY_BROKER_SENTINEL_PASSWORD": "guards",
        "CELERY_BROKER_TLS": "1",
        "CELERY_BROKER_CA": f"{folder}/ours.pem",
        "CELERY_STATE_PATH": str(folder),
        **environment,
    }
    done = subprocess.run(
        [str(python), str(SCRIPT), str(folder)],
        env=given,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout + done.stderr


def test_everybody_goes_through_the_sentinel(python: Path, folder: Path, url: str) -> None:
    assert ask(python, folder, url).splitlines()[-1:] == ["let in"]


def test_another_authority_is_refused(python: Path, folder: Path, url: str) -> None:
    told = ask(python, folder, url, CELERY_BROKER_CA=f"{folder}/other.pem")
    assert "let in" not in told
    assert "certificate verify failed" in told or "No master found for 'queue'" in told, told


def test_nothing_is_said_in_the_clear(python: Path, folder: Path, url: str) -> None:
    assert "let in" not in ask(python, folder, url, CELERY_BROKER_TLS="")
