# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A layout of a checkout as data, and the texts that most layouts have in common."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

#: Who owns files that are not the checkout's owner's.
STRANGER = 65534


@dataclass(frozen=True)
class Layout:
    """A checkout as a stranger wrote it, and what has to be found in it.

    Paths are relative to the checkout.
    """

    name: str
    files: Mapping[str, str | bytes]
    #: The settings module of production.
    settings: str
    #: The files that get a block of settings.
    places: tuple[str, ...]
    #: Further settings modules that a file of the project names.
    others: tuple[str, ...] = ()
    #: Symbolic links: path to target.
    links: Mapping[str, str] = field(default_factory=dict)
    modes: Mapping[str, int] = field(default_factory=dict)
    #: Paths that belong to somebody else, where root makes them.
    foreign: tuple[str, ...] = ()
    #: What the host has in the environment: of the services, and of manage.py.
    environment: Mapping[str, str] = field(default_factory=dict)
    #: The same for manage.py alone: what a developer's shell has.
    developer: Mapping[str, str] = field(default_factory=dict)
    #: Public variables without their prefix.
    options: Mapping[str, object] = field(default_factory=dict)
    #: The folder of manage.py.
    base: str = "."
    #: What ``celery -A`` takes.
    app: str = "shop"
    #: How the deployment is called.
    called: str = "shop"
    tasks: tuple[str, ...] = ("orders.tasks.send",)
    #: The module that a web server loads, where there is one.
    server: str = "shop.wsgi"
    #: Whether the project has a Celery app of its own.
    existing: bool = False

    def build(self, folder: Path) -> Path:
        """Write the checkout into *folder*, and return its path."""
        top = folder / "shop"
        top.mkdir()
        for name, content in self.files.items():
            path = top / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
            path.chmod(0o644)
        for name, target in self.links.items():
            (top / name).parent.mkdir(parents=True, exist_ok=True)
            (top / name).symlink_to(target)
        for name, mode in self.modes.items():
            (top / name).chmod(mode)
        if os.geteuid() == 0:
            for name in self.foreign:
                os.lchown(top / name, STRANGER, STRANGER)
        return top


def manage(settings: str = "shop.settings", before: str = "") -> str:
    """Return a manage.py that names a settings module, after the lines *before*."""
    default = f'    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{settings}")\n' if settings else ""
    return (
        "#!/usr/bin/env python\n"
        '"""Django\'s command-line utility for administrative tasks."""\n'
        "import os\nimport sys\n"
        f"{before}\n\n"
        "def main():\n"
        f"{default}"
        "    from django.core.management import execute_from_command_line\n\n"
        "    execute_from_command_line(sys.argv)\n\n\n"
        'if __name__ == "__main__":\n'
        "    main()\n"
    )


def wsgi(settings: str = "shop.settings", before: str = "") -> str:
    """Return a wsgi.py that names a settings module."""
    return (
        "import os\nimport sys\n\n"
        "from django.core.wsgi import get_wsgi_application\n"
        f"{before}\n"
        f'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{settings}")\n\n'
        "application = get_wsgi_application()\n"
    )


DJANGO_APPS = '    "django.contrib.contenttypes",\n    "django.contrib.auth",\n'
INSTALLED_APPS = f'INSTALLED_APPS = [\n{DJANGO_APPS}    "orders",\n]\n'


def settings(installed: str = INSTALLED_APPS, levels: int = 2, urls: str = "shop.urls") -> str:
    """Return settings that Django's checks are content with.

    Args:
        installed: the lines that give INSTALLED_APPS a value.
        levels: how many folders the file is below the folder of the checkout that it means.
        urls: the URL configuration.
    """
    return (
        '"""Settings of the shop."""\n\n'
        "import os\nfrom pathlib import Path\n\n"
        f"BASE_DIR = Path(__file__).resolve().parents[{levels - 1}]\n"
        'SECRET_KEY = os.environ.get("SECRET_KEY", "layout_test")\n'
        "DEBUG = False\n"
        'ALLOWED_HOSTS = ["*"]\n\n'
        f"{installed}\n"
        f'ROOT_URLCONF = "{urls}"\n'
        'MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]\n'
        "DATABASES = {\n"
        '    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"},\n'
        "}\n"
        'DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"\n'
        'TIME_ZONE = "Europe/Vienna"\n'
        "USE_TZ = True\n"
    )


URLS = "urlpatterns = []\n"
REQUIREMENTS = "Django>=5.2\n"
TASK = (
    "from celery import shared_task\n\n\n"
    "@shared_task\n"
    "def send(order_id):\n"
    '    """Send an order."""\n'
    "    return order_id\n"
)


def own_app(folder: str = "orders", name: str = "", label: str = "") -> dict[str, str]:
    """Return the files of an app that has a task.

    Args:
        folder: where it is.
        name: its dotted name, where that is not the folder's.
        label: its label, where that is not the last part of the name.
    """
    dotted = name or folder.replace("/", ".")
    last = dotted.rpartition(".")[2]
    return {
        f"{folder}/__init__.py": "",
        f"{folder}/apps.py": (
            "from django.apps import AppConfig\n\n\n"
            f"class {last.capitalize()}Config(AppConfig):\n"
            f'    name = "{dotted}"\n' + (f'    label = "{label}"\n' if label else "")
        ),
        f"{folder}/tasks.py": TASK,
    }


def package(
    settings_text: str | bytes | None = None, named: str = "shop.settings", init: str | bytes = ""
) -> dict[str, str | bytes]:
    """Return the files of a project as startproject makes it: manage.py, shop/, the app orders."""
    files: dict[str, str | bytes] = {
        "manage.py": manage(named),
        "requirements.txt": REQUIREMENTS,
        "shop/__init__.py": init,
        "shop/urls.py": URLS,
        "shop/wsgi.py": wsgi(named),
        **own_app(),
    }
    if settings_text is not None:
        files["shop/settings.py"] = settings_text
    return files
