# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a main process does before it forks; tests/integration/test_service.py has a real fork."""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace
from unittest import mock

import pytest

from .conftest import Load

LOADERS = ("_databases", "_mail", "_templates", "_translations", "_urls")


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch, load: Load) -> mock.Mock:
    """Stands in for Python's garbage collector, and for all that is loaded."""
    module = load("shared_memory")
    found = mock.Mock()
    monkeypatch.setattr(module, "gc", found)
    for name in LOADERS:
        monkeypatch.setattr(module, name, mock.Mock(__name__=name))
    return found


@pytest.mark.parametrize(("asked", "connected"), [("1", 1), ("0", 0), ("", 0)])
def test_it_is_done_where_the_unit_says_so(
    asked: str, connected: int, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CELERY_SHARE_MEMORY", asked)
    signals = mock.Mock()
    module = load("shared_memory")
    monkeypatch.setattr(module, "signals", signals)
    module.share()
    assert signals.celeryd_after_setup.connect.call_count == connected


def test_garbage_is_taken_away_before_the_rest_is_frozen(collector: mock.Mock, load: Load) -> None:
    pool = sys.modules["celery.concurrency"].prefork.TaskPool
    load("shared_memory")._before_the_fork(SimpleNamespace(pool_cls=type("Own", (pool,), {})))
    assert collector.mock_calls == [mock.call.collect(), mock.call.freeze()]


def test_pools_that_do_not_fork_are_left_alone(collector: mock.Mock, load: Load) -> None:
    module = load("shared_memory")
    module._before_the_fork(SimpleNamespace(pool_cls=object))
    assert collector.mock_calls == []
    assert not module._urls.called


@pytest.mark.parametrize("broken", LOADERS)
def test_what_cannot_be_loaded_keeps_nothing_else_from_it(
    broken: str, collector: mock.Mock, load: Load
) -> None:
    module = load("shared_memory")
    getattr(module, broken).side_effect = ImportError("no module of the project's")
    module._before_the_fork(SimpleNamespace(pool_cls=sys.modules["celery.concurrency"].prefork.TaskPool))
    assert all(getattr(module, name).call_count == 1 for name in LOADERS)
    assert collector.freeze.called


def test_a_process_is_measured_by_what_it_has_for_itself(load: Load) -> None:
    """What a child shares with its parent is not its own, until it writes to it."""
    module = load("shared_memory")
    shared = bytearray(os.urandom(1)) * (64 << 20)
    before = module.own_memory()
    assert before > len(shared) >> 10
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        first = module.own_memory()
        shared[:: os.sysconf("SC_PAGE_SIZE")] = b"x" * len(shared[:: os.sysconf("SC_PAGE_SIZE")])
        os.write(writing, f"{first} {module.own_memory()}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    first, then = map(int, os.read(reading, 100).split())
    os.close(reading)
    os.close(writing)
    assert first < before - (len(shared) >> 10) // 2
    assert then > first + (len(shared) >> 10) // 2


def test_the_limit_of_a_process_counts_that(
    collector: mock.Mock, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = load("shared_memory")
    pool = sys.modules["billiard"].pool
    monkeypatch.setattr(pool, "mem_rss", lambda: 500)
    monkeypatch.setattr(module, "own_memory", lambda: 20)
    module._before_the_fork(SimpleNamespace(pool_cls=sys.modules["celery.concurrency"].prefork.TaskPool))
    assert pool.mem_rss() == 20
    # Where the system does not tell, as before.
    monkeypatch.setattr(module, "own_memory", lambda: 0)
    assert pool.mem_rss() == 500
    assert collector.freeze.called
