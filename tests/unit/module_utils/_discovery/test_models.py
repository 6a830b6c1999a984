# SPDX-License-Identifier: GPL-3.0-or-later
"""The first model of an app that has a table of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._discovery.imports import Modules
from ansible_collections.celeriac.django.plugins.module_utils._discovery.models import (
    Model,
    first_model,
)

Write = Callable[[Path, Mapping[str, "str | bytes"]], Path]
Find = Callable[[Mapping[str, str]], "Model | None"]
PLAIN = "from django.db import models\n\n\n"


@pytest.fixture
def find(tmp_path: Path, write_tree: Write) -> Find:
    """Finds the first model of the app orders, in a project of these files."""

    def run(files: Mapping[str, str]) -> Model | None:
        return first_model(Modules([write_tree(tmp_path, files)]), "orders")

    return run


@pytest.mark.parametrize(
    "text",
    [
        PLAIN + "class Order(models.Model):\n    pass\nclass Line(models.Model):\n    pass\n",
        "from django.db.models import Model\nclass Order(Model): pass\n",
        "from django.db.models import Model as Base\nclass Order(Base): pass\n",
        "import django.db.models\nclass Order(django.db.models.Model): pass\n",
        "from django.contrib.gis.db import models\nclass Order(models.Model): pass\n",
        PLAIN
        + "class Base(models.Model):\n    class Meta:\n        abstract = True\nclass Order(Base): pass\n",
        PLAIN
        + "class Seen(models.Model):\n    class Meta:\n        managed = False\n"
        + "class Order(models.Model): pass\n",
        PLAIN + "class _Hidden(models.Model): pass\nclass Order(models.Model): pass\n",
        PLAIN + "class Status(models.TextChoices): A = 'a'\nclass Order(models.Model): pass\n",
        PLAIN + "class Manager(models.Manager): pass\nclass Order(models.Model): pass\n",
        "from model_utils.models import TimeStampedModel\nclass Order(TimeStampedModel): pass\n",
        "from django.contrib.auth.models import AbstractUser\nclass Order(AbstractUser): pass\n",
        "from x.mixins import SomeMixin\nfrom django.db import models\n"
        "class Thing(SomeMixin): pass\nclass Order(SomeMixin, models.Model): pass\n",
    ],
)
def test_first_concrete_model(text: str, find: Find) -> None:
    assert find({"orders/models.py": text}) == Model("Order", "objects")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "class Order: pass\n",
        PLAIN + "class Order(models.Model):\n    class Meta:\n        abstract = True\n",
        PLAIN + "class Order(models.Model):\n    class Meta:\n        proxy = True\n",
        "from x.mixins import OrderMixin\nclass Order(OrderMixin): pass\n",
        "class Order(Order): pass\n",
        "class A(B): pass\nclass B(A): pass\n",
        "class Order(models.Model):\n",  # no Python
    ],
)
def test_no_model(text: str, find: Find) -> None:
    assert find({"orders/models.py": text}) is None


def test_no_module_of_models(find: Find) -> None:
    assert find({"orders/__init__.py": ""}) is None


def test_a_base_in_another_module(find: Find) -> None:
    base = PLAIN + "class Stamped(models.Model):\n    class Meta:\n        abstract = True\n"
    order = "from core.models import Stamped\nclass Order(Stamped): pass\n"
    assert find({"core/models.py": base, "orders/models.py": order}) == Model("Order", "objects")


def test_a_class_of_the_projects_that_only_sounds_like_a_model(find: Find) -> None:
    files = {"core/__init__.py": "", "core/views.py": "class ViewModel: pass\n"}
    order = "from core.views import ViewModel\nclass Order(ViewModel): pass\n"
    assert find({**files, "orders/models.py": order}) is None


@pytest.mark.parametrize("line", ["from .order import Order, Line", "from .order import *"])
def test_a_package_of_models(line: str, find: Find) -> None:
    text = PLAIN + "class Order(models.Model): pass\nclass Line(models.Model): pass\n"
    files = {"orders/models/__init__.py": f"{line}\n", "orders/models/order.py": text}
    assert find(files) == Model("Order", "objects")


def test_a_package_exports_only_some(find: Find) -> None:
    text = (
        PLAIN
        + "class Line(models.Model): pass\nclass Other(models.Model): pass\nclass Order(models.Model): pass\n"
    )
    lines = "from core.models import Line\nfrom .order import Other as Renamed\nfrom .order import Order\n"
    files = {"core/models.py": text, "orders/models/__init__.py": lines, "orders/models/order.py": text}
    assert find(files) == Model("Order", "objects")


@pytest.mark.parametrize(
    ("line", "manager"),
    [
        ("active = ActiveManager()", "active"),
        ("active = models.Manager()\n    objects = models.Manager()", "objects"),
        ("things = ThingQuerySet.as_manager()", "things"),
        ("things = BaseManager.from_queryset(ThingQuerySet)()", "things"),
        ("name = models.CharField()", "objects"),
    ],
)
def test_the_manager(line: str, manager: str, find: Find) -> None:
    text = f"{PLAIN}class Order(models.Model):\n    {line}\n"
    assert find({"orders/models.py": text}) == Model("Order", manager)
