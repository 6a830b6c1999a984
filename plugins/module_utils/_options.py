# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments of celery_deployment, for its action plugin and its module alike."""

from __future__ import annotations

from typing import Any

ARGUMENTS: dict[str, dict[str, Any]] = {
    "project_path": {"type": "path", "required": True},
    "project_name": {"type": "str", "default": ""},
    "project_package": {"type": "str", "default": ""},
    "project_app": {"type": "str", "default": ""},
    "project_settings": {"type": "str", "default": ""},
    "project_integrate": {
        "type": "str",
        "choices": ["auto", "always", "never"],
        "default": "auto",
    },
    "broker_url": {"type": "str", "default": "", "no_log": True},
    "broker_server": {"type": "str", "default": ""},
    "broker_ca": {"type": "str", "default": ""},
    "broker_master": {"type": "str", "default": ""},
    "broker_tls": {"type": "bool", "default": False},
    "database_ca": {"type": "str", "default": ""},
    "result_backend": {"type": "str", "default": "django-db"},
    "result_expires": {"type": "str", "default": "1d"},
    "database_scheme": {"type": "str", "default": ""},
    "beat_scheduler": {"type": "str", "default": "database"},
    "sample_apps": {"type": "list", "elements": "str", "default": []},
    "task_routes": {"type": "dict", "default": {}},
    "beat_schedule": {"type": "list", "elements": "dict", "default": []},
    "beat_takeover": {"type": "int", "default": 15},
    "workers": {"type": "list", "elements": "dict", "default": [{"name": "default"}]},
    "delivery": {
        "type": "str",
        "choices": ["at_most_once", "at_least_once"],
        "default": "at_most_once",
    },
    "timezone": {"type": "str", "default": ""},
    "environment": {"type": "dict", "default": {}},
    "service_manager": {"type": "str", "choices": ["auto", "systemd", "none"], "default": "auto"},
    "python": {"type": "str", "default": ""},
    "state_path": {"type": "path", "default": ""},
    "venv_path": {"type": "path", "default": ""},
    "user": {"type": "str", "default": ""},
    "requirements": {"type": "list", "elements": "str", "default": []},
    "uses_postgresql": {"type": "bool", "default": False},
    "secret_schemes": {"type": "list", "elements": "str", "default": [], "no_log": False},
    "placeholders": {"type": "list", "elements": "str", "default": []},
    "group_names": {"type": "dict", "default": {}},
    "addresses": {"type": "list", "elements": "list", "default": []},
    "secret_names": {"type": "list", "elements": "str", "default": [], "no_log": False},
    "worker_restart": {"type": "str", "choices": ["overlap", "replace"], "default": "overlap"},
    "worker_self_check": {"type": "bool", "default": True},
    "keep_connections": {"type": "bool", "default": True},
    "database_from_url": {"type": "bool", "default": False},
    "web_connections": {"type": "int", "default": 0},
    "database_max_connections": {"type": "int", "default": 0},
    "visibility_timeout": {"type": "int"},
    "consumer_timeout": {"type": "int"},
    "longest_eta": {"type": "int"},
    "other_queues": {"type": "list", "elements": "str", "default": []},
    "writable_paths": {"type": "list", "elements": "path", "default": []},
    "worker_unit_overrides": {"type": "dict", "default": {}},
    "beat_unit_overrides": {"type": "dict", "default": {}},
    "removing": {"type": "bool", "default": False},
}
