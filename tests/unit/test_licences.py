# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each file says its licence, and what lands in other people's programs has one that asks for nothing."""

from __future__ import annotations

import re
import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
_SAID = re.compile(r"SPDX-License-Identifier: ([\w.-]+)")
#: Folders, and the licence of the programs in them.
LICENCES = {
    "plugins": "GPL-3.0-or-later",
    "runtime": "0BSD",
    "templates": "0BSD",
}


def tracked() -> list[str]:
    """Returns the files of the repository, and those that are about to be."""
    done = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in done.stdout.split("\0") if (ROOT / name).is_file()]


def said_of(name: str) -> list[str]:
    """Returns the licences that a file names in its first lines."""
    with (ROOT / name).open("rb") as file:
        return _SAID.findall(file.read(700).decode("utf-8", "replace"))


def test_what_says_no_licence_is_listed() -> None:
    """In the file itself, or in REUSE.toml (reuse.software). What is empty has nothing to license."""
    listed = tomllib.loads((ROOT / "REUSE.toml").read_text(encoding="utf-8"))["annotations"]
    patterns = [
        pattern for entry in listed if "SPDX-License-Identifier" in entry for pattern in entry["path"]
    ]
    silent = [name for name in tracked() if (ROOT / name).stat().st_size and not said_of(name)]
    silent = [name for name in silent if not any(_fits(name, pattern) for pattern in patterns)]
    assert [name for name in silent if not name.startswith("LICENSES/")] == []


def _fits(name: str, pattern: str) -> bool:
    """Tell whether a path is meant: ``**/`` is any folder, or none."""
    return fnmatch(name, pattern) or fnmatch(name, pattern.removeprefix("**/"))


@pytest.mark.parametrize("folder", LICENCES)
def test_programs_have_the_licence_of_their_folder(folder: str) -> None:
    names = [name for name in tracked() if name.startswith(f"{folder}/") and (ROOT / name).stat().st_size]
    assert names
    wrong = {name: said_of(name) for name in names}
    assert {name: found for name, found in wrong.items() if found != [LICENCES[folder]]} == {}


def test_the_licences_are_there_and_galaxy_knows_them() -> None:
    """Galaxy takes a list of SPDX's names."""
    there = {file.stem for file in (ROOT / "LICENSES").glob("*.txt")}
    assert there == set(LICENCES.values())
    galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))
    assert set(galaxy["license"]) == there
    assert (ROOT / "LICENSES/GPL-3.0-or-later.txt").read_bytes() == (ROOT / "LICENSE").read_bytes()
