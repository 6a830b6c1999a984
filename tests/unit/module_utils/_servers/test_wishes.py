# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Projects that share a Redis know of each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._servers import wishes


def test_those_of_others_are_read(tmp_path: Path) -> None:
    (tmp_path / "server-shop.json").write_text('{"bind": "*"}')
    (tmp_path / "server-blog.json").write_text('{"bind": "127.0.0.1"}')
    (tmp_path / "user-blog.conf").write_text("user blog")
    assert wishes.of_others(tmp_path, "shop") == {"blog": {"bind": "127.0.0.1"}}


def test_on_a_new_host_there_is_nobody(tmp_path: Path) -> None:
    assert wishes.of_others(tmp_path / "celeriac.d", "shop") == {}


def test_what_is_no_note_is_told_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "server-blog.json").write_text("{")
    with pytest.raises(wishes.WishError, match=r"server-blog\.json.*user blog.*Remove it"):
        wishes.of_others(tmp_path, "shop")
