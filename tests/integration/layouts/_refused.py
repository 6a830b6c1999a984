# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkouts in which somebody has to say what is meant."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ._parts import DJANGO_APPS, Layout, manage, package, settings, wsgi


@dataclass(frozen=True)
class Refused:
    """A checkout that is refused, and what the message has to say."""

    layout: Layout
    texts: tuple[str, ...]


CLASSES = f'''\
from pathlib import Path

from configurations import Configuration, values

BASE_DIR = Path(__file__).resolve().parents[1]


class Base(Configuration):
    """What all environments share."""

    SECRET_KEY = values.Value("layout_test")
    INSTALLED_APPS = [
{DJANGO_APPS.replace("    ", "        ")}        "orders",
    ]
    ROOT_URLCONF = "shop.urls"
    DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}}}
    DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
    TIME_ZONE = "Europe/Vienna"
    USE_TZ = True


class Development(Base):
    DEBUG = True


class Production(Base):
    DEBUG = False
'''


def of_classes(name: str, text: str) -> Layout:
    """Return a project of django-configurations."""
    configured = 'os.environ.setdefault("DJANGO_CONFIGURATION", "{}")\n'
    return Layout(
        name,
        {
            **package(text),
            "manage.py": manage()
            .replace("    from django.core", f"    {configured.format('Development')}    from django.core")
            .replace("django.core.management", "configurations.management"),
            "shop/wsgi.py": (
                "import os\n\n"
                'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\n'
                f"{configured.format('Production')}\n"
                "from configurations.wsgi import get_wsgi_application\n\n"
                "application = get_wsgi_application()\n"
            ),
            "requirements.txt": "django-configurations\n",
        },
        "shop.settings",
        (),
        app="shop.celery:app",
        environment={"CELERY_BROKER_URL": "filesystem://"},
        existing=True,
    )


#: By the names that a project can have for what the lines to add need.
OF_CLASSES = [
    of_classes("classes", CLASSES),
    of_classes(
        "classes_without_values",
        CLASSES.replace("Configuration, values", "Configuration").replace(
            'values.Value("layout_test")', '"layout_test"'
        ),
    ),
]

COMPUTED = manage("").replace(
    "def main():\n",
    'def main():\n    name = "shop.settings." + os.environ["SHOP_ENV"]\n'
    '    os.environ.setdefault("DJANGO_SETTINGS_MODULE", name)\n',
)
PLAIN = Layout("plain", package(settings()), "shop.settings", ("shop/settings.py",))
BOTH = {
    f"{folder}/{name}": text for folder in ("shop-api", "shop-site") for name, text in PLAIN.files.items()
}

REFUSED = [
    Refused(
        replace(PLAIN, name="several_manage", files={**BOTH, "README.md": ""}),
        ("shop-api/manage.py", "shop-site/manage.py", "celery_project_path"),
    ),
    Refused(
        replace(
            PLAIN,
            name="computed_settings_module",
            files={
                **package(),
                "manage.py": COMPUTED,
                "shop/wsgi.py": COMPUTED.replace("execute_from_command_line(sys.argv)", "pass"),
                "shop/settings/production.py": settings(levels=3),
                "shop/settings/development.py": settings(levels=3),
            },
        ),
        (
            "manage.py:9",
            "shop/wsgi.py:9",
            "celery_project_settings",
            "shop.settings.production",
            "shop.settings.development",
        ),
    ),
    Refused(
        replace(
            PLAIN,
            name="settings_that_are_not_there",
            files={**package(), "shop/wsgi.py": wsgi("shop.live")},
        ),
        ("shop.live", "shop/wsgi.py:6", "celery_project_settings"),
    ),
    Refused(
        replace(
            PLAIN,
            name="several_servers",
            files={
                **package(settings()),
                "manage.py": manage("config.settings"),
                "config/settings.py": settings(),
                "shop/wsgi.py": wsgi("shop.settings"),
                "site/settings.py": settings(),
                "site/wsgi.py": wsgi("site.settings"),
            },
        ),
        ("shop.settings (shop/wsgi.py:6)", "site.settings (site/wsgi.py:6)", "celery_project_settings"),
    ),
    Refused(
        replace(PLAIN, name="no_apps", files=package(settings(""))),
        ("INSTALLED_APPS", "shop/settings.py", "celery_project_settings"),
    ),
    Refused(
        replace(PLAIN, name="broken_settings", files=package(settings() + "A = (\n")),
        ("shop/settings.py:2", "'(' was never closed"),
    ),
]
