# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What manage.py and the server files do before Django starts: Celery's processes go through none of them."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .imports import Module
from .project import EntryLine, Finding
from .settings_named import CONFIGURATION, VARIABLE, ByFiles, Named
from .source import computes_environment, dotted, literal_text, nodes, parse, walk

#: What loads a file, by its last name and the package that it comes from: how it is called, the keyword that
#: lets it replace what the environment has, and whether it looks for the file in the folders above, too.
_LOADERS = {
    ("load_dotenv", "dotenv"): ("dotenv.load_dotenv", "override", True),
    ("read_dotenv", "dotenv"): ("dotenv.read_dotenv", "override", False),
    ("read_env", "environ"): ("environ.Env.read_env", "overwrite", False),
    ("read_env", "environs"): ("environs.Env.read_env", "override", True),
}
_NAMES = frozenset(name for name, _package in _LOADERS)
#: Variables that are found and given to Celery's processes anyway, or are none of the project's.
_KNOWN = (VARIABLE, CONFIGURATION, "PYTHONPATH")
#: What a path is put together with.
_PATH_CALLS = frozenset({"Path", "str", "join", "resolve", "absolute", "abspath", "dirname", "realpath"})
_THERE = frozenset({"exists", "is_file", "isfile", "access"})


def find(manage: Path, servers: Sequence[Path], base: Path, path: Path | None = None) -> list[EntryLine]:
    """Return what manage.py and the server files do to the environment, with places relative to *base*.

    Variables count as the web process has them: those of manage.py only where there is no server file.

    Args:
        manage: manage.py.
        servers: wsgi.py and asgi.py.
        base: the folder that the project is imported from.
        path: the checkout; *base*, where it is not named.
    """
    top = path or base
    found = [line for file in servers for line in _in_file(file, base, top)]
    by_manage = _in_file(manage, base, top)
    return [*(line for line in by_manage if not servers or line.kind == "file"), *found]


def settings_by_files(files: Sequence[Path], base: Path, path: Path) -> ByFiles:
    """Return the settings modules that manage.py and the server files take from a file such as .env.

    Such a file counts where it is loaded above the line that gives the variable a default, or overrules it.

    Args:
        files: manage.py, wsgi.py and asgi.py.
        base: the folder that the project is imported from.
        path: the checkout.
    """
    found: dict[Path, Named] = {}
    loading = ""
    for file in files:
        default = computes_environment(parse(file), VARIABLE)
        for line in _in_file(file, base, path):
            if line.kind != "file":
                continue
            loading = loading or line.place
            first = not default or int(line.place.rpartition(":")[2]) < default or line.replaces
            module, number = _value_in(Path(line.file), VARIABLE) if line.file and first else ("", 0)
            if module:
                source = f"{os.path.relpath(line.file, base)}:{number}, which {line.place} loads"
                found.setdefault(file, Named(module, source))
    return ByFiles(found, loading)


def _value_in(file: Path, name: str) -> tuple[str, int]:
    """Return the last dotted name that a file of variables gives a variable, with the line."""
    try:
        lines = file.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except OSError:
        return "", 0
    found = ("", 0)
    for number, line in enumerate(lines, 1):
        given = re.match(rf"""\s*(?:export\s+)?{name}\s*=\s*(["']?)([\w.]+)\1\s*(?:\#.*)?$""", line)
        found = (given.group(2), number) if given else found
    return found


def _in_file(file: Path, base: Path, path: Path) -> Iterator[EntryLine]:
    tree = parse(file)
    entry, perhaps, requests = _Entry(file, tree, base, path), _conditional(tree), _of_requests(tree)
    for node in walk(tree):
        place = f"{os.path.relpath(file, base)}:{getattr(node, 'lineno', 0)}"
        if id(node) in requests:
            continue
        if isinstance(node, ast.Call):
            yield from _called(place, node, entry, certain=id(node) not in perhaps)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Subscript) and dotted(target.value).endswith("environ"):
                    yield from _variable(place, literal_text(target.slice), node.value, replaces=True)


def _called(place: str, call: ast.Call, entry: _Entry, *, certain: bool) -> Iterator[EntryLine]:
    called = dotted(call.func)
    if called.rpartition(".")[2] in _NAMES:
        yield _load(place, call, entry, certain=certain)
    elif called.endswith("environ.setdefault") and len(call.args) == 2:
        yield from _variable(place, literal_text(call.args[0]), call.args[1], replaces=False)
    elif called.endswith("environ.update") and call.args and isinstance(call.args[0], ast.Dict):
        for key, value in zip(call.args[0].keys, call.args[0].values, strict=True):
            yield from _variable(place, literal_text(key), value, replaces=True)


def _of_requests(tree: ast.Module) -> set[int]:
    """Return what is about the ``environ`` that a server gives an application with each request."""
    found: set[int] = set()
    functions: list[ast.FunctionDef | ast.AsyncFunctionDef] = [*nodes(tree, ast.FunctionDef)]
    functions += nodes(tree, ast.AsyncFunctionDef)
    for function in functions:
        given = (*function.args.posonlyargs, *function.args.args)
        if "environ" not in {argument.arg for argument in given}:
            continue
        for node in ast.walk(function):
            targets = node.targets if isinstance(node, ast.Assign) else []
            names = {dotted(target.value) for target in targets if isinstance(target, ast.Subscript)}
            called = dotted(node.func) if isinstance(node, ast.Call) else ""
            if "environ" in names or called.startswith("environ."):
                found.add(id(node))
    return found


def _conditional(tree: ast.Module) -> set[int]:
    """Return what stands below a condition, unless that asks for the file itself or for being the program."""
    found: set[int] = set()
    for node in walk(tree):
        if not isinstance(node, ast.If):
            continue
        names = {dotted(inner) for inner in ast.walk(node.test)}
        calls = [inner for inner in ast.walk(node.test) if isinstance(inner, ast.Call)]
        harmless = "__name__" in names or (
            calls and all(_last(call) in _THERE | _PATH_CALLS for call in calls)
        )
        below = node.orelse if harmless else [*node.body, *node.orelse]
        found |= {id(inner) for part in below for inner in ast.walk(part)}
    return found


def _last(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return dotted(call.func).rpartition(".")[2]


@dataclass(frozen=True)
class _Entry:
    """A file that the project is started by."""

    file: Path
    tree: ast.Module
    base: Path
    path: Path


def _load(place: str, call: ast.Call, entry: _Entry, *, certain: bool) -> EntryLine:
    """Return the line of a call that loads a file: with the way to load it too, where all of it is known."""
    name = _file_named(call)
    plain = EntryLine(place, "file", name)
    loader = _LOADERS.get((dotted(call.func).rpartition(".")[2], _package(call, entry.tree)))
    given = [*call.args[:1], *(word.value for word in call.keywords if word.arg in _FILE_WORDS)]
    others = [word for word in call.keywords if word.arg not in _FILE_WORDS]
    if loader is None or not certain or len(given) > 1 or len(call.args) > 1:
        return plain
    function, keyword, upwards = loader
    replaces = any(word.arg == keyword and literal_true(word.value) for word in others)
    if any(word.arg != keyword or not isinstance(word.value, ast.Constant) for word in others):
        return plain
    file = _found(given[0] if given else None, entry, upwards)
    return replace(plain, file=str(file), loader=function, replaces=replaces) if file else plain


_FILE_WORDS = ("dotenv_path", "env_file", "path", "dotenv")


def literal_true(node: ast.expr) -> bool:
    """Tell whether an expression is ``True``."""
    return isinstance(node, ast.Constant) and node.value is True


def _package(call: ast.Call, tree: ast.Module) -> str:
    """Return the package outside that the called function comes from, empty where it is not known."""
    packages = {package for _name, package in _LOADERS}
    root = dotted(call.func).partition(".")[0]
    imported: dict[str, str] = {}
    for node in walk(tree):
        if isinstance(node, ast.ImportFrom) and not node.level:
            imported.update((alias.asname or alias.name, node.module or "") for alias in node.names)
        elif isinstance(node, ast.Import):
            imported.update(
                (alias.asname or alias.name.partition(".")[0], alias.name) for alias in node.names
            )
    if root in imported:
        return imported[root]
    # env = environ.Env(), env = Env()
    for statement in walk(tree):
        if (
            isinstance(statement, ast.Assign)
            and isinstance(statement.value, ast.Call)
            and root in {dotted(target) for target in statement.targets}
        ):
            package = imported.get(dotted(statement.value.func).partition(".")[0], "")
            return package if package in packages else ""
    return ""


def _found(node: ast.expr | None, entry: _Entry, upwards: bool) -> Path | None:
    """Return the file that a loader is given or looks for, None where it is not there or cannot be known."""
    folders = [entry.file.parent]
    if isinstance(node, ast.Call) and _last(node) == "find_dotenv" and not node.args:
        node, upwards = None, True
    if node is None:
        if upwards:
            folders += [folder for folder in entry.file.parents if folder.is_relative_to(entry.path)]
        return next((file for folder in folders if (file := folder / ".env").is_file()), None)
    calls = [inner for inner in ast.walk(node) if isinstance(inner, ast.Call)]
    if any(_last(call) not in _PATH_CALLS for call in calls):
        return None
    parts = [inner for inner in ast.walk(node) if isinstance(inner, ast.Constant) and literal_text(inner)]
    texts = [literal_text(part) for part in sorted(parts, key=lambda part: (part.lineno, part.col_offset))]
    starts = [entry.base, entry.path, *folders, entry.file.parent.parent]
    candidates = [start.joinpath(*texts) for start in starts] if texts else []
    return next((Path(os.path.normpath(file)) for file in candidates if file.is_file()), None)


def _variable(place: str, name: str, value: ast.expr, *, replaces: bool) -> Iterator[EntryLine]:
    if name and name not in _KNOWN:
        known = isinstance(value, ast.Constant) and isinstance(value.value, str)
        yield EntryLine(place, "variable", name, literal_text(value), known, replaces)


def _file_named(call: ast.Call) -> str:
    """Return the file that a loader is given, as far as literals tell; empty where it is searched for."""
    given = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg != "override")]
    texts = [literal_text(node) for part in given for node in ast.walk(part) if literal_text(node)]
    return next((text for text in reversed(texts) if "env" in text), "")


def tell(
    lines: Sequence[EntryLine],
    settings: Sequence[Module],
    folders: Sequence[Path],
    base: Path,
    served: bool = True,
) -> list[Finding]:
    """Return what workers lack that the web process and manage.py have.

    Args:
        lines: what :func:`find` found.
        settings: the settings modules; what these do themselves, every process does.
        folders: where a file such as .env may stand.
        base: the folder that places are relative to.
        served: whether there is a server file.
    """
    found: list[Finding] = []
    known = {line.file for line in followed(lines, settings, served)}
    loads = [line for line in lines if line.kind == "file" and line.file not in known]
    if loads and not any(_loads(module.tree) for module in settings):
        found += _of_files(loads, folders, base)
    for line in lines:
        if line.kind == "variable" and not line.known:
            text = (
                f"{line.place} gives {line.name} a value that is computed, before Django starts. Celery's "
                f"processes do not go through that file: put {line.name} into celery_environment or "
                "celery_secrets."
            )
            found.append(Finding(text, refuses=True, variable=line.name, running=True))
    return found


def followed(lines: Sequence[EntryLine], settings: Sequence[Module], served: bool = True) -> list[EntryLine]:
    """Return the files that Celery's processes load too, as the web process does, each once.

    What manage.py alone loads, the web process may have from elsewhere; what the settings load, all have.
    """
    if any(_loads(module.tree) for module in settings):
        return []
    of_the_web = [line for line in lines if not (served and line.place.startswith("manage.py:"))]
    found = {line.file: line for line in reversed(of_the_web) if line.kind == "file" and line.file}
    return list(found.values())[::-1]


def _of_files(loads: Sequence[EntryLine], folders: Sequence[Path], base: Path) -> Iterator[Finding]:
    places = ", ".join(dict.fromkeys(line.place for line in loads))
    name = next((line.name for line in loads if line.name), ".env")
    file = next((folder / name for folder in folders if (folder / name).is_file()), None)
    names = names_in(file) if file else []
    if file is None or not names:
        return
    yield Finding(
        f"{places}: {os.path.relpath(file, base)} is loaded before Django starts, and Celery's processes "
        "go through none of these files: they would have another environment than the web. Put what it sets "
        f"({', '.join(names)}) into celery_environment or celery_secrets, or load it in the settings.",
        # What manage.py alone loads, the web process may have from elsewhere.
        refuses=any(not line.place.startswith("manage.py:") for line in loads),
        variables=names,
        running=True,
    )


def _loads(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] in _NAMES for node in walk(tree)
    )


def names_in(file: Path) -> list[str]:
    """Return the names that a file of variables sets; its values are nobody's business here."""
    try:
        text = file.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return []
    found = re.findall(r"^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)[ \t]*=", text, re.MULTILINE)
    return list(dict.fromkeys(found))
