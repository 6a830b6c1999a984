# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads what runs beside Celery without it, with stand-ins. The real one is in tests/integration."""

from __future__ import annotations

import importlib
import logging
import sys
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

RUNTIME = Path(__file__).resolve().parents[3] / "runtime"
PACKAGE = "celeriac_service"


class _ColorFormatter(logging.Formatter):
    """Celery's, without colours."""

    def __init__(self, fmt: str | None = None, use_color: bool = True) -> None:  # noqa: ARG002 - as Celery's
        super().__init__(fmt)


class _Family:
    """A metric with its samples, by the values of their labels."""

    def __init__(self, name: str, text: str, labels: Sequence[str] = (), value: Any = None) -> None:
        self.name, self.text, self.labels = name, text, labels
        self.samples: dict[tuple[str, ...], Any] = {} if value is None else {(): value}

    def add_metric(self, labels: Sequence[str], *values: Any) -> None:
        self.samples[tuple(labels)] = values[0] if len(values) == 1 else values


#: What is imported from Celery and kombu, or inherited from.
STAND_INS: dict[str, dict[str, Any]] = {
    "billiard": {"pool": types.SimpleNamespace(mem_rss=lambda: 1)},
    "celery": {"Celery": object, "Task": object},
    "celery._state": {"get_current_task": lambda: None},
    "celery.bootsteps": {"StartStopStep": object},
    "celery.concurrency": {
        "prefork": types.SimpleNamespace(TaskPool=type("TaskPool", (), {})),
        "solo": mock.Mock(),
    },
    "celery.exceptions": {name: type(name, (Exception,), {}) for name in ("Ignore", "Reject", "Retry")},
    "celery.signals": {},
    "celery.utils": {},
    "celery.utils.log": {"ColorFormatter": _ColorFormatter, "get_logger": logging.getLogger},
    "celery.utils.nodenames": {"host_format": lambda text: text.replace("%h", "here")},
    "celery.worker": {},
    "celery.worker.consumer": {
        "Consumer": type("Consumer", (), {"Blueprint": type("Blueprint", (), {"default_steps": []})})
    },
    "celery.worker.consumer.delayed_delivery": {"DelayedDelivery": object},
    "celery.worker.state": {
        "active_requests": (),
        "should_stop": None,
        "should_terminate": None,
        "total_count": {},
    },
    "celery.worker.strategy": {"create_request_cls": lambda base, *_args, **_options: base},
    "kombu": {"Consumer": mock.Mock(), "Queue": mock.Mock()},
    "kombu.transport": {},
    "kombu.utils": {},
    "kombu.utils.url": {"parse_url": mock.Mock()},
    "prometheus_client": {"CollectorRegistry": mock.Mock(), "start_http_server": mock.Mock()},
    "prometheus_client.core": {
        **{f"{kind}MetricFamily": _Family for kind in ("Counter", "Gauge", "Histogram", "Info")},
        "Metric": _Family,
    },
}

Load = Callable[[str], Any]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads a module of the package anew."""
    monkeypatch.syspath_prepend(str(RUNTIME))
    for name, values in STAND_INS.items():
        module = types.ModuleType(name)
        module.__path__ = []
        vars(module).update(values)
        monkeypatch.setitem(sys.modules, name, module)
        parent, _dot, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, module)
    monkeypatch.setattr(sys.modules["kombu.transport"], "TRANSPORT_ALIASES", {}, raising=False)
    sys.modules["celery.signals"].__getattr__ = lambda _name: mock.Mock()  # type: ignore[method-assign]
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        monkeypatch.delitem(sys.modules, name)

    def load(name: str) -> Any:
        module = importlib.import_module(f"{PACKAGE}.{name}" if name else PACKAGE)
        for found in [found for found in sys.modules if found.partition(".")[0] == PACKAGE]:
            # Gone after the test, as everything else.
            monkeypatch.setitem(sys.modules, found, sys.modules[found])
        return module

    return load
