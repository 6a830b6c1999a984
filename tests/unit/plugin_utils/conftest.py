# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of plugin_utils share."""

from __future__ import annotations

import sys
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import deployment, fleet, variables


@pytest.fixture
def options() -> dict[str, Any]:
    """The public variables as they are when only the path is given, and what the role derives."""
    return {
        **variables.complete({"celery_project_path": "/srv/shop"}),
        "broker_url": "",
        "broker_server": "",
        "database_ca": "",
        "database_scheme": "",
        "secret_names": [],
        "secret_schemes": [],
        "placeholders": [],
        "uses_postgresql": False,
        "removing": False,
    }


@pytest.fixture
def decide_with() -> Any:
    """Decides for a host that is known, with duties that are known, alone unless something else is said."""

    def decide(
        options: dict[str, Any], found: dict[str, Any], duties: Sequence[str], *, served: Sequence[str] = ()
    ) -> Any:
        read = variables.read(options)
        queues = served or sorted({queue for pool in read.pools for queue in pool.queues})
        part = fleet.Fleet(tuple(duties), 1, tuple(queues))
        return deployment.decide(read, found["project"], found["host"], part)

    return decide


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
