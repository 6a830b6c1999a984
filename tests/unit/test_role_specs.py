# SPDX-License-Identifier: GPL-3.0-or-later
"""What a role's defaults say, and what its argument specs say, is the same."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
NO_DEFAULT = object()


@dataclass(frozen=True)
class Role:
    """The two files of a role that name its variables."""

    path: Path

    @property
    def defaults_text(self) -> str:
        """The text of defaults/main.yml, with its comments."""
        path = self.path / "defaults/main.yml"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    @property
    def defaults(self) -> dict[str, Any]:
        """The variables with a default."""
        return yaml.safe_load(self.defaults_text) or {}

    @property
    def commented_out(self) -> set[str]:
        """The variables that defaults/main.yml shows without setting them."""
        return set(re.findall(r"^# ?([a-z_]\w*):(?:\s|$)", self.defaults_text, re.MULTILINE))

    @property
    def entry_points(self) -> dict[str, dict[str, Any]]:
        """The options of each entry point."""
        text = (self.path / "meta/argument_specs.yml").read_text(encoding="utf-8")
        return {
            name: specs.get("options") or {} for name, specs in yaml.safe_load(text)["argument_specs"].items()
        }

    @property
    def options(self) -> dict[str, Any]:
        """The default of each option, or NO_DEFAULT, over all entry points."""
        return {
            name: option.get("default", NO_DEFAULT)
            for options in self.entry_points.values()
            for name, option in options.items()
        }


@pytest.fixture(params=sorted(path.name for path in (REPOSITORY / "roles").glob("*") if path.is_dir()))
def role(request: pytest.FixtureRequest) -> Role:
    """Each role of the collection."""
    return Role(REPOSITORY / "roles" / request.param)


def test_defaults_are_those_of_the_specs(role: Role) -> None:
    """Both files name the same variables with the same defaults."""
    specified = {name: value for name, value in role.options.items() if value is not NO_DEFAULT}
    assert role.defaults == specified


def test_options_without_default_are_shown(role: Role) -> None:
    """Who reads the defaults sees every variable: those without a default are commented out."""
    without_default = {name for name, value in role.options.items() if value is NO_DEFAULT}
    assert role.commented_out == without_default


def test_entry_points_agree(role: Role) -> None:
    """An option of several entry points has one default."""
    for entry_point, options in role.entry_points.items():
        for name, option in options.items():
            assert option.get("default", NO_DEFAULT) == role.options[name], f"{entry_point}: {name}"


def test_no_default_needs_a_fact(role: Role) -> None:
    """The specs are validated before any task of the role runs."""
    for name, value in role.defaults.items():
        assert "ansible_facts" not in str(value), name


def test_module_defaults_reach_all_modules() -> None:
    """The group that module_defaults name has each module, and nothing else."""
    runtime = yaml.safe_load((REPOSITORY / "meta/runtime.yml").read_text(encoding="utf-8"))
    modules = {path.stem for path in REPOSITORY.glob("plugins/modules/celery_*.py")}
    assert set(runtime["action_groups"]["all"]) == modules
