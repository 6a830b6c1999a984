# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit that serves a checkout is found, and what it lacks is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._services import serving
from ansible_collections.celeriac.django.plugins.module_utils._services.systemd import Systemd, SystemdError


class Shown(Systemd):
    """A systemd that shows these units."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def call(self, *arguments: str) -> str:
        """Show them."""
        assert arguments[0] == "show"
        return self.text


def unit(name: str, command: str, folder: str = "", more: str = "") -> str:
    """Returns a unit as systemd 252 shows it."""
    program = command.split(maxsplit=1)[0]
    start = (
        f"{{ path={program} ; argv[]={command} ; ignore_errors=no ; start_time=[n/a] ; "
        "stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }"
    )
    return f"MainPID=0\nExecStart={start}\n{more}WorkingDirectory={folder}\nEnvironment=\nId={name}\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with a virtual environment of its own in it, as Debian makes one: its Python is a link."""
    venv = tmp_path / "shop/venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "pyvenv.cfg").touch()
    (venv / "lib/python3.11/site-packages").mkdir(parents=True)
    (venv / "bin/python").symlink_to("/usr/bin/python3")
    return tmp_path / "shop"


def look(checkout: Path, *units: str) -> list[serving.Server]:
    """Returns what is found of these units."""
    return serving.look(str(checkout), Shown("\n".join(units)))


def test_the_one_that_works_in_the_checkout(checkout: Path) -> None:
    files = (
        "EnvironmentFiles=/etc/shop-celery/environment (ignore_errors=no)\n"
        "EnvironmentFiles=/etc/other (ignore_errors=yes)\n"
    )
    found = look(
        checkout,
        unit("ssh.service", "/usr/sbin/sshd -D"),
        unit("shop.service", "/usr/bin/gunicorn shop.wsgi", str(checkout), files),
        unit("blog.service", "/usr/bin/gunicorn blog.wsgi", str(checkout.parent)),
        unit("shop-beat.service", "/usr/bin/python -m celery beat", str(checkout)),
    )
    assert found == [
        serving.Server("shop.service", ["/etc/shop-celery/environment", "/etc/other"], False, "", True)
    ]


@pytest.mark.parametrize(
    "command",
    [
        "{0}/venv/bin/gunicorn --bind unix:/run/shop.sock shop.wsgi",
        "{0}/venv/bin/python -m uvicorn shop.asgi:application",
        "/usr/bin/uwsgi --chdir={0} --module=shop.wsgi",
        "/usr/bin/gunicorn --chdir {0}/src shop.wsgi",
    ],
)
def test_the_one_whose_program_or_folder_is_in_the_checkout(checkout: Path, command: str) -> None:
    assert [server.unit for server in look(checkout, unit("w.service", command.format(checkout)))] == [
        "w.service"
    ]


def test_the_packages_of_its_virtual_environment(checkout: Path) -> None:
    command = f"{checkout}/venv/bin/gunicorn shop.wsgi"
    assert look(checkout, unit("w.service", command))[0].has_celery is False
    package = checkout / "venv/lib/python3.11/site-packages/celery"
    package.mkdir()
    (package / "__init__.py").touch()
    found = look(checkout, unit("w.service", command))[0]
    assert (found.venv, found.has_celery) == (str(checkout / "venv"), True)


@pytest.mark.parametrize(
    ("environment", "has"),
    [
        ("DEBUG=0 CELERY_BROKER_URL=redis://x", True),
        ('"CELERY_BROKER_URL=redis://x y"', True),
        ("MY_CELERY_BROKER_URL=redis://x", False),
        ("", False),
    ],
)
def test_a_broker_in_its_own_lines(checkout: Path, environment: str, has: bool) -> None:
    text = unit("w.service", "/usr/bin/gunicorn shop.wsgi", str(checkout))
    found = look(checkout, text.replace("Environment=\n", f"Environment={environment}\n"))
    assert found[0].has_broker is has
    assert "redis" not in str(found)


def test_without_systemd_there_is_none() -> None:
    class Refuses(Systemd):
        def call(self, *arguments: str) -> str:
            raise SystemdError(f"{arguments[0]}: System has not been booted with systemd as init system")

    assert serving.look("/srv/shop", Refuses()) == []
