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
