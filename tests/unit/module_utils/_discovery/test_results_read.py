# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import ast

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._discovery import results_read


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("from celery import chord\nchord([a.s()], b.s())", "chord(…)"),
        ("from celery import chord as both\nboth([a.s()])(b.s())", "chord(…)"),
        ("from celery.canvas import chord\nchord([a.s()])(b.s())", "chord(…)"),
        ("import celery\ncelery.chord([a.s()], b.s())", "chord(…)"),
        ("from celery import canvas\ncanvas.chord([a.s()], b.s())", "chord(…)"),
        ("from celery import group\n(group(a.s()) | b.s())()", "group(…) | …"),
        ("from celery import group\nx.s() | group(a.s()) | b.s()", "group(…) | …"),
        ("from celery import chain, group\nchain(group(a.s()), b.s())", "chain(group(…), …)"),
    ],
)
def test_chords(source: str, what: str) -> None:
    assert results_read.chords(ast.parse(source), "a.py") == {"a.py:2": what}


@pytest.mark.parametrize(
    "source",
    [
        "from music import chord\nchord([1, 2])",
        "from celery import group\ngroup(a.s())()",
        "from celery import group\nx.s() | group(a.s())",
        "from celery import chain, group\nchain(a.s(), group(b.s()))",
        "a | b",
    ],
)
def test_what_is_no_chord(source: str) -> None:
    assert results_read.chords(ast.parse(source), "a.py") == {}


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("AsyncResult(key).get()", "AsyncResult(…)"),
        ("app.AsyncResult(key)", "AsyncResult(…)"),
        ("GroupResult.restore\nGroupResult(key)", "GroupResult(…)"),
        ("add.delay(1, 2).get(timeout=3)", ".delay(…).get"),
        ("add.apply_async((1,)).result", ".apply_async(…).result"),
        ("def view(request):\n    sent = add.delay(1)\n    return sent.get()", "sent.get"),
        ("def view(request):\n    if (sent := add.delay(1)).id and sent.ready(): pass", "sent.ready"),
    ],
)
def test_reads(source: str, what: str) -> None:
    found = results_read.reads(ast.parse(source), "a.py")
    assert what in found.values()
    assert len(found) == 1


@pytest.mark.parametrize(
    "source",
    [
        "add.delay(1)",
        "sent = add.delay(1)\nprint(sent.id)",
        "def one():\n    sent = add.delay(1)\ndef other(sent):\n    return sent.get('x')",
        "settings.get('x')",
    ],
)
def test_what_reads_no_result(source: str) -> None:
    assert results_read.reads(ast.parse(source), "a.py") == {}


@pytest.mark.parametrize(
    ("content", "reads", "chords"),
    [
        (b"from .tasks import add\nadd.delay(1).get()", True, False),
        (b"from celery.result import AsyncResult\n", True, False),
        (b"from celery import chord as join\n", False, True),
        (b"from celery import canvas\ncanvas.group (a.s())\n", False, True),
        (b"from celery import shared_task, group\n", False, False),
        (b"def group(names): ...\ngroup(1)\n", False, False),
        (b"import os\n", False, False),
    ],
)
def test_what_is_worth_parsing_is_told_by_its_text(content: bytes, reads: bool, chords: bool) -> None:
    assert results_read.may_have(content) == (reads, chords)
