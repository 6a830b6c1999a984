# SPDX-License-Identifier: GPL-3.0-or-later
"""A project that has a Celery app already: it is found, used, and not touched."""

from __future__ import annotations

import re

from .conftest import Deployment

APP = """
import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings.production")
queue = Celery("shop")
queue.config_from_object("django.conf:settings", namespace="CELERY")
queue.autodiscover_tasks()
"""
SETTINGS = """
import tempfile

INSTALLED_APPS += ["django_celery_results"]
CELERY_BROKER_URL = "filesystem://"
CELERY_RESULT_BACKEND = "django-db"
_FOLDER = str(BASE_DIR / "messages")
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "data_folder_in": _FOLDER, "data_folder_out": _FOLDER, "control_folder": _FOLDER,
}
"""


def test_existing_app(deployment: Deployment) -> None:
    """Deployed with its own module and variable; the checkout stays as it was."""
    (deployment.path / "messages").mkdir()
    (deployment.path / "shop/tasks_app.py").write_text(APP)
    (deployment.path / "shop/__init__.py").write_text("from .tasks_app import queue as celery_app\n")
    with (deployment.path / "shop/settings/base.py").open("a") as file:
        file.write(SETTINGS)
    with (deployment.path / "requirements.txt").open("a") as file:
        file.write("celery\ndjango-celery-results\n")
    (deployment.path / "orders/tasks.py").write_text(
        "from celery import shared_task\n\n\n@shared_task\ndef close_day() -> None:\n    pass\n"
    )
    before = deployment.tree()
    run = deployment.integrate()
    assert run.returncode == 0, run.stdout
    assert "tasks registered          1 of 1" in run.stdout
    after = {
        name: digest
        for name, digest in deployment.tree().items()
        if not name.startswith((".celery/", "messages/")) and name != "db.sqlite3"
    }
    assert after == before
    assert deployment.integrate().changed() == 0


def test_what_an_app_lacks_is_said_with_its_place(deployment: Deployment) -> None:
    """Warnings, with file and line; nothing is written, and the deployment works all the same."""
    (deployment.path / "messages").mkdir()
    app = APP.replace(', namespace="CELERY"', "").replace('Celery("shop")', 'Celery("shop", task_cls=Plain)')
    app = app.replace("queue = ", "class Plain(Task):\n    pass\n\n\nqueue = ").replace(
        "import Celery", "import Celery, Task"
    )
    (deployment.path / "shop/tasks_app.py").write_text(app)
    settings = SETTINGS.replace("CELERY_BROKER", "BROKER").replace(
        "CELERY_RESULT_BACKEND = ", "CELERY_RESULT_BAKEND = "
    )
    with (deployment.path / "shop/settings/base.py").open("a") as file:
        file.write(settings)
    with (deployment.path / "requirements.txt").open("a") as file:
        file.write("celery==5.6.3\ndjango-celery-results\n")
    (deployment.path / "orders/tasks.py").write_text(
        "from celery import shared_task\n\n\n@shared_task\ndef close_day() -> None:\n    pass\n"
    )
    run = deployment.integrate()
    assert run.returncode == 0, run.stdout
    said = run.message()
    assert "shop/tasks_app.py:12: the app reads no settings under a prefix" in said
    assert "shop/tasks_app.py:11: there is no result backend" in said
    assert "Celery knows no setting CELERY_RESULT_BAKEND" in said
    assert "shop/tasks_app.py:11: orders.tasks.close_day cannot be sent on commit" in said
    assert "Celery 5.6.3 is what the project's requirements ask for" in said
    assert re.search(r"ok +beat runs +the process does", said)
    assert "nothing to prove: tasks have no delay_on_commit" in said
