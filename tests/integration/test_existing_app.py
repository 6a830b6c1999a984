"""A project that has a Celery app already: it is found, used, and not touched."""

from __future__ import annotations

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
