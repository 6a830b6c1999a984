# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write docs/reference/variables.md, and the README's table, from the argument specs: `make docs-tables`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "variables.md"
README = ROOT / "README.md"
#: What the README shows of the variables of the role celery, between these marks.
_MOST_USED = (
    "celery_project_path",
    "celery_project_name",
    "celery_broker_url",
    "celery_result_backend",
    "celery_beat_schedule",
    "celery_workers",
    "celery_delivery",
    "celery_secrets",
    "celery_environment",
)
_BEGIN, _END = "<!-- made by make docs-tables: begin -->\n", "<!-- made by make docs-tables: end -->\n"

#: In the order in which somebody needs them; others follow by name.
_FIRST = (
    "celery",
    "celery_project",
    "celery_runtime",
    "celery_worker",
    "celery_web",
    "celery_beat",
    "celery_metrics",
    "celery_verify",
    "celery_broker",
    "celery_database",
    "celery_init",
)
_HEAD = (
    "# Variables\n\n"
    "Made from the argument specs of the roles by `make docs-tables`: change those. "
    "`ansible-doc -t role celeriac.django.celery` shows the same in a terminal. "
    "Only `celery_project_path` is required everywhere.\n"
)
#: Ansible's markup: what stands in V(…), O(…), C(…), RV(…) is code, and P(…) names a plugin or role.
_CODE = re.compile(r"\b(?:V|O|C|RV|E)\(((?:\\.|[^\\)])*)\)")
_PLUGIN = re.compile(r"\bP\(([^#)]*)#[a-z]+\)")


def page() -> str:
    """Return the page."""
    parts = [_HEAD]
    for role in _roles():
        path = ROOT / "roles" / role / "meta" / "argument_specs.yml"
        specs = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]
        options = {
            name: option for entry in specs.values() for name, option in (entry.get("options") or {}).items()
        }
        if options:
            parts.append(f"## {role}\n\n{_text(specs['main']['short_description'])}.\n\n{_table(options)}")
    return "\n".join(parts)


def readme(text: str) -> str:
    """Return the README with its table of the most used variables as the specs have them.

    Args:
        text: what the README is now; the marks are in it.
    """
    path = ROOT / "roles/celery/meta/argument_specs.yml"
    options = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
    rows = [f"| `{name}` | {_first_sentence(options[name])} |\n" for name in _MOST_USED]
    before, rest = text.split(_BEGIN)
    return f"{before}{_BEGIN}| variable | meaning |\n|---|---|\n{''.join(rows)}{_END}{rest.split(_END)[1]}"


def _first_sentence(option: Mapping[str, Any]) -> str:
    return re.split(r"(?<=\.) (?=[A-Z`])", _meaning(option))[0]


def _roles() -> list[str]:
    there = sorted(path.parents[1].name for path in ROOT.glob("roles/*/meta/argument_specs.yml"))
    return sorted(there, key=lambda role: (_FIRST.index(role) if role in _FIRST else len(_FIRST), role))


def _table(options: Mapping[str, Any]) -> str:
    lines = ["| variable | meaning | type | default |", "|---|---|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in _rows(options)]
    return "\n".join(lines) + "\n"


def _rows(options: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str, str, str]]:
    for name, option in options.items():
        full = f"{above}{name}"
        kind = option.get("type", "str")
        if option.get("elements"):
            kind += f" of {option['elements']}"
        if "default" in option:
            default = f"`{json.dumps(option['default'], ensure_ascii=False)}`"
        else:
            default = "required" if option.get("required") else ""
        yield f"`{full}`", _meaning(option), kind, default
        many = "[]" if option.get("elements") else ""
        yield from _rows(option.get("options") or {}, f"{full}{many}.")


def _meaning(option: Mapping[str, Any]) -> str:
    description = option.get("description") or []
    lines = [description] if isinstance(description, str) else description
    if option.get("choices"):
        lines = [*lines, f"One of {', '.join(f'V({choice})' for choice in option['choices'])}."]
    return _text(" ".join(lines))


def _text(text: str) -> str:
    text = _CODE.sub(lambda found: f"`{found[1]}`".replace("\\", ""), _PLUGIN.sub(r"`\1`", text))
    return " ".join(text.split()).replace("|", r"\|")


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
    README.write_text(readme(README.read_text(encoding="utf-8")), encoding="utf-8")
