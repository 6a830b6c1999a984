# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Projects that get sample tasks: the example, and one whose layout and models make it hard."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..conftest import SHOP
from ..layouts import Layout
from ..layouts._parts import DJANGO_APPS, REQUIREMENTS, URLS, manage, settings, wsgi

#: The tests that projects themselves have make sure that ours do not stand in their way.
_OWN_TEST = (
    "from django.test import SimpleTestCase\n\n\nclass OwnTests(SimpleTestCase):\n"
    "    def test_own(self) -> None:\n        self.assertTrue(True)\n"
)
#: All that makes it hard to have an object: no default manager of the usual name, a key that is no number,
#: relations, unique and checked values, and an inherited table.
_MODELS = '''"""Subscriptions."""

import uuid

from django.conf import settings
from django.db import models

from .base import Stamped


class Catalogue(Stamped):
    class Meta:
        abstract = True


class ActiveManager(models.Manager):
    pass


class SubscriptionRenewalReminder(Catalogue):
    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    plan = models.OneToOneField("Plan", on_delete=models.PROTECT)
    email = models.EmailField(unique=True)
    state = models.CharField(max_length=3, choices=[("new", "New"), ("old", "Old")])
    price = models.DecimalField(max_digits=4, decimal_places=2)
    day = models.DateField()
    at = models.TimeField()
    took = models.DurationField()
    data = models.JSONField()
    site = models.URLField()
    address = models.GenericIPAddressField()
    count = models.PositiveSmallIntegerField()
    picture = models.FileField()
    maybe = models.CharField(max_length=3, null=True)

    active = ActiveManager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(price__gt=0), name="price"),
        ]

    def __str__(self):
        return self.email


class Plan(Stamped):
    code = models.SlugField(max_length=2, unique=True)
    weight = models.FloatField()
    level = models.IntegerField(choices=[(1, "One"), (2, "Two")])
'''
_BASE = """from django.db import models


class Stamped(models.Model):
    made_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)
    seen_at = models.DateTimeField()

    class Meta:
        abstract = True
"""
_APPS = (
    f'INSTALLED_APPS = [\n{DJANGO_APPS}    "store.apps.subscriptions",\n    "store.apps.reports",\n'
    '    "store.apps.busy",\n]\n'
)


@dataclass(frozen=True)
class Project:
    """A project, and the apps of it that get samples."""

    name: str
    apps: tuple[str, ...]
    #: The paths of the tests, for pytest.
    tests: tuple[str, ...]
    #: The samples that are tested by breaking them.
    broken: str
    settings: str
    base: str = "."
    files: Mapping[str, str | bytes] = field(default_factory=dict)

    def build(self, folder: Path) -> Path:
        """Write the checkout into a folder, and return its path."""
        if self.files:
            return self.layout().build(folder)
        ignored = shutil.ignore_patterns("__pycache__", "db.sqlite3", ".*_cache", ".celery")
        return Path(shutil.copytree(SHOP, folder / "shop", ignore=ignored))

    def layout(self) -> Layout:
        """Return it as a layout."""
        environment = {"SECRET_KEY": "samples_test"}
        return Layout(self.name, self.files, self.settings, (), environment=environment, base=self.base)


PROJECTS = {
    "shop": Project(
        "shop",
        ("orders", "customers"),
        ("orders/test_tasks.py", "customers/test_tasks.py", "shop/celery_records"),
        "orders",
        "shop.settings.production",
    ),
    "store": Project(
        "store",
        ("subscriptions", "store.apps.reports", "busy"),
        ("store/apps", "config/celery_records"),
        "store/apps/subscriptions",
        "config.settings.production",
        base="src",
        files={
            "requirements.txt": REQUIREMENTS,
            "src/manage.py": manage("config.settings.production"),
            "src/config/__init__.py": "",
            "src/config/wsgi.py": wsgi("config.settings.production"),
            "src/config/urls.py": URLS,
            "src/config/settings/__init__.py": "",
            "src/config/settings/base.py": settings(_APPS, levels=3, urls="config.urls"),
            "src/config/settings/production.py": "from .base import *  # noqa: F403\n",
            "src/store/__init__.py": "",
            "src/store/apps/__init__.py": "",
            "src/store/apps/subscriptions/__init__.py": "",
            "src/store/apps/subscriptions/models/__init__.py": (
                "from .renewal import Catalogue, Plan, SubscriptionRenewalReminder  # noqa: F401\n"
            ),
            "src/store/apps/subscriptions/models/renewal.py": _MODELS,
            "src/store/apps/subscriptions/models/base.py": _BASE,
            "src/store/apps/subscriptions/tests/__init__.py": "",
            "src/store/apps/subscriptions/tests/test_own.py": _OWN_TEST,
            "src/store/apps/reports/__init__.py": "",
            "src/store/apps/reports/tests.py": _OWN_TEST,
            "src/store/apps/busy/__init__.py": "",
            "src/store/apps/busy/tasks.py": "# Whatever stood here stays.\n",
        },
    ),
}
