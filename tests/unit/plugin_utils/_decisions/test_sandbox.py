# SPDX-License-Identifier: GPL-3.0-or-later
"""The variable part of what the units may do."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import sandbox


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        (True, ["true"]),
        (False, ["false"]),
        (2, ["2"]),
        ("", [""]),
        (None, [""]),
        (["", "AF_UNIX"], ["", "AF_UNIX"]),
    ],
)
def test_a_directive_has_its_lines(value: Any, lines: list[str]) -> None:
    assert sandbox.overrides("x", {"ProtectHome": value}) == [("ProtectHome", lines)]


@pytest.mark.parametrize(
    "given",
    [
        {"protect home": 1},
        {"Nice=1\nUser": 1},
        {"Nice": "1\nUser=root"},
        {"Nice": "1\rUser=root"},
        {"Nice": ["1", "2\\"]},
    ],
)
def test_what_is_no_directive_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(sandbox.SandboxError, match="celery_beat_unit_overrides"):
        sandbox.overrides("celery_beat_unit_overrides", given)


@pytest.mark.parametrize(
    ("path", "answer"),
    [("/srv/shop", "true"), ("/home/deploy/shop", "read-only"), ("/homes", "true"), ("/root", "read-only")],
)
def test_homes_are_hidden_unless_the_project_is_there(path: str, answer: str) -> None:
    assert sandbox.protect_home(["/usr", path]) == answer


def test_what_can_be_written() -> None:
    run, media = "/var/lib/shop-celery/run", "/srv/media"
    assert sandbox.writable(run, [media, media], "/srv/shop", False) == [run, f"-{media}"]
    assert sandbox.writable(run, [], "/srv/shop", True) == [run, "-/srv/shop"]
    with pytest.raises(sandbox.SandboxError, match="media"):
        sandbox.writable(run, ["media"], "/srv/shop", False)
