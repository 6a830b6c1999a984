# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of plugin_utils share."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def options() -> dict[str, Any]:
    """The public variables as they are when only the path is given."""
    return {
        "project_path": "/srv/shop",
        "project_name": "",
        "project_package": "",
        "project_settings": "",
        "project_app": "",
        "project_integrate": "auto",
        "broker_url": "",
        "broker_server": "",
        "broker_ca": "",
        "broker_master": "",
        "broker_tls": False,
        "database_ca": "",
        "result_backend": "django-db",
        "result_expires": "1d",
        "database_scheme": "",
        "beat_scheduler": "database",
        "beat_schedule": [],
        "beat_takeover": 15,
        "sample_apps": [],
        "task_routes": {},
        "workers": [{"name": "default"}],
        "delivery": "at_most_once",
        "timezone": "",
        "environment": {},
        "service_manager": "auto",
        "python": "",
        "state_path": "",
        "venv_path": "",
        "user": "",
        "requirements": [],
        "uses_postgresql": False,
        "secret_schemes": [],
        "placeholders": [],
        "secret_names": [],
        "worker_restart": "overlap",
        "worker_self_check": True,
        "keep_connections": True,
        "database_from_url": False,
        "web_connections": 0,
        "database_max_connections": 0,
        "visibility_timeout": None,
        "consumer_timeout": None,
        "longest_eta": None,
        "other_queues": [],
        "writable_paths": [],
        "worker_unit_overrides": {},
        "beat_unit_overrides": {},
    }


@pytest.fixture
def load_settings(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Loads the rendered celery_settings.py of the package shop, as Django would."""

    def load(files: dict[str, str], base: Path) -> dict[str, Any]:
        ops = base / "shop/celery_ops"
        ops.mkdir(parents=True, exist_ok=True)
        (ops / "broker.py").write_text(files["shop/celery_ops/broker.py"])
        for name in ("shop", "shop.celery_ops"):
            module = types.ModuleType(name)
            module.__path__ = [str(base / name.replace(".", "/"))]
            monkeypatch.setitem(sys.modules, name, module)
        monkeypatch.delitem(sys.modules, "shop.celery_ops.broker", raising=False)
        file = base / "shop/celery_settings.py"
        values: dict[str, Any] = {
            "__file__": str(file),
            "__name__": "shop.celery_settings",
            "__package__": "shop",
        }
        exec(compile(files["shop/celery_settings.py"], file, "exec"), values)  # noqa: S102 - it is ours
        monkeypatch.delitem(sys.modules, "shop.celery_ops.broker")
        return values

    return load
