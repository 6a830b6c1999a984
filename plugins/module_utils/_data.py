# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dataclasses across the wire: as JSON has them, and back, with the nested ones restored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

Kind = TypeVar("Kind")

_NONE = type(None)
_MAPPINGS = (dict, Mapping)


def as_data(value: Any) -> dict[str, Any]:
    """Return a dataclass as JSON has it: the nested ones too, and tuples as lists."""
    return {name: _plain(inner) for name, inner in asdict(value).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def from_data(kind: type[Kind], data: Mapping[str, Any]) -> Kind:
    """Return the dataclass that these data were made of.

    Args:
        kind: the dataclass. Its fields are plain values, other dataclasses, and lists,
            tuples and dicts of them.
        data: what :func:`as_data` returned, by way of JSON.

    Raises:
        TypeError: a field is missing, or there is one that the dataclass does not have.
    """
    hints = get_type_hints(kind)
    known = {field.name for field in fields(kind) if field.init}  # type: ignore[arg-type] # it is a dataclass
    unknown = sorted(set(data) - known)
    if unknown:
        raise TypeError(f"{kind.__name__} has no {', '.join(unknown)}")
    return kind(**{name: _restored(hints[name], value) for name, value in data.items()})


def _restored(hint: Any, value: Any) -> Any:
    origin, inner = get_origin(hint), get_args(hint)
    if value is not None and is_dataclass(hint):
        return from_data(hint, value)  # type: ignore[arg-type] # no instance
    if value is not None and _NONE in inner:
        return _restored(next(one for one in inner if one is not _NONE), value)
    if origin is list:
        return [_restored(inner[0], item) for item in value]
    if origin is tuple:
        return tuple(_restored(inner[0], item) for item in value)
    if origin in _MAPPINGS:
        return {key: _restored(inner[1], item) for key, item in value.items()}
    return value
