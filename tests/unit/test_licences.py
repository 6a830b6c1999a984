# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each file says its licence, and what lands in other people's programs has one that asks for nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
_SAID = re.compile(r"SPDX-License-Identifier: ([\w.-]+)")
#: Folders, and the licence of the programs in them.
LICENCES = {
    "plugins": "GPL-3.0-or-later",
    "runtime": "0BSD",
    "templates/project": "0BSD",
}


@pytest.mark.parametrize("folder", LICENCES)
def test_each_file_says_its_licence(folder: str) -> None:
    """In its first lines; an empty file has nothing to license."""
    suffixes = (".py", ".j2") if LICENCES[folder] == "0BSD" else (".py",)
    texts = {
        str(file.relative_to(ROOT)): file.read_text(encoding="utf-8")
        for file in (ROOT / folder).rglob("*")
        if file.suffix in suffixes
    }
    said = {name: _SAID.findall("\n".join(text.splitlines()[:5])) for name, text in texts.items() if text}
    assert said
    assert {name: found for name, found in said.items() if found != [LICENCES[folder]]} == {}


def test_the_licences_are_there_and_galaxy_knows_them() -> None:
    """Galaxy takes a list of SPDX's names."""
    there = {file.stem for file in (ROOT / "LICENSES").glob("*.txt")}
    assert there == set(LICENCES.values())
    galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))
    assert set(galaxy["license"]) == there
    assert (ROOT / "LICENSES/GPL-3.0-or-later.txt").read_bytes() == (ROOT / "LICENSE").read_bytes()
