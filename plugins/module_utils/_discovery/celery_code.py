# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Celery in a project's source: its tasks and its apps, with file and line."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import results_read as _celery_results
from .celery_apps import Apps
from .files import python_files
from .imports import Module, Modules
from .project import App
from .source import SourceError, dotted, literal_text, module_statements, nodes, statements_below

__all__ = ["Found", "choose_app", "equal_apps", "find_celery"]

#: What is in every file that has a task or an app; the others are not parsed.
_TASK = re.compile(
    rb"@[\w. ]*task\b|^(?![ \t]*from )[^\n#]*\bshared_task\b|\bshared_task\s+as\b|\.register_task\(",
    re.MULTILINE,
)
_APP = re.compile(rb"[Cc]elery|\.(config_from_object|autodiscover_tasks)\(")
#: Lines that make no app, though they speak of Celery: they take something else from it.
_NO_APP = re.compile(
    rb"^[ \t]*from celery(?:\.[\w.]+)? import (?![^\n]*(?:\bCelery\b|[(\\;]))[^\n]*$", re.MULTILINE
)


@dataclass
class Found:
    """What the source has of Celery."""

    #: The tasks: name to place.
    tasks: dict[str, str] = field(default_factory=dict)
    #: What may be a task, or may never be loaded: name, or function, to place and reason.
    doubtful: dict[str, str] = field(default_factory=dict)
    #: Tasks that would get one name between them: what happens and what mends it.
    clashes: list[str] = field(default_factory=list)
    apps: list[App] = field(default_factory=list)
    #: Where results are read, and chords are made: place to what.
    results_read: dict[str, str] = field(default_factory=dict)
    chords: dict[str, str] = field(default_factory=dict)
    #: Files that this Python cannot read: broken, or written for a newer one.
    unread: list[str] = field(default_factory=list)


def find_celery(base: Path, modules: Modules, ignored: Collection[str] = ()) -> Found:
    """Return the tasks and the Celery apps in the project's own files.

    A file that is no valid Python is passed over here: it is not of the settings,
    and Django itself will say so where it matters.
    """
    found = Found()
    apps = Apps(modules)
    seen: dict[str, str] = {}
    for file in python_files(base, ignored):
        try:
            content = file.read_bytes()
        except OSError:
            continue
        has_celery = _has_celery(content)
        has_reads, has_chords = _celery_results.may_have(content)
        if not (has_celery or has_reads or has_chords) or _is_test(file, base):
            continue
        relative = str(file.relative_to(base))
        try:
            tree = ast.parse(content)
        except (SyntaxError, ValueError):
            if has_celery:
                found.unread.append(relative)
            continue
        if has_reads:
            found.results_read.update(_celery_results.reads(tree, relative))
        if has_chords:
            found.chords.update(_celery_results.chords(tree, relative))
        if not has_celery:
            continue
        read = Module(modules.name_of(file), file, tree)
        for task in (*_tasks(read, modules, apps, relative), *_called_for(read, modules, apps, relative)):
            _note(task, found, seen)
        found.apps.extend(apps.of(read, relative))
    found.tasks = dict(sorted(found.tasks.items()))
    return found


def _has_celery(content: bytes) -> bool:
    """Tell whether a file may have a task or an app; to parse it takes a hundred times longer."""
    if _TASK.search(content):
        return True
    return bool(_APP.search(content)) and bool(_APP.search(_NO_APP.sub(b"", content)))


def _note(task: _Task, found: Found, hidden: dict[str, str]) -> None:
    """Put a task where it belongs; *hidden* are the places of those whose decorator hides their name."""
    if task.doubt:
        found.doubtful.setdefault(task.name, f"{task.place}: {task.doubt}")
        return
    if task.wrapped and task.name in hidden:
        found.clashes.append(
            f"{hidden[task.name]} and {task.place} are one task for Celery, {task.name}, so that one "
            f"is never run: {task.wrapped} returns its inner function without functools.wraps. Put "
            "@functools.wraps(function) above that function."
        )
    if task.wrapped:
        hidden[task.name] = task.place
    found.tasks.setdefault(task.name, task.place)


def choose_app(apps: Sequence[App], package: str, settings: str = "") -> App | None:
    """Return the app that the project runs.

    Of several, that is the one that reads Django's settings, those of production above all, in the
    project's package.
    """
    ranked = sorted(apps, key=lambda app: _rank(app, package, settings))
    return ranked[0] if ranked else None


def equal_apps(apps: Sequence[App], package: str, settings: str = "") -> list[str]:
    """Return the places of apps between which the alphabet alone would choose."""
    ranked = sorted(apps, key=lambda app: _rank(app, package, settings))
    equals = [app for app in ranked if _rank(app, package, settings) == _rank(ranked[0], package, settings)]
    # Those of one settings module may be spelled twice; those of several are of several environments.
    return [app.place for app in equals] if len({app.settings for app in equals}) > 1 else []


def _rank(app: App, package: str, settings: str) -> tuple[bool, ...]:
    prefix = f"{package}." if package else ""
    return (
        not app.configured,
        not app.reads_django,
        not settings or app.settings != settings,
        not app.module.startswith(prefix),
        app.module not in (f"{prefix}celery", f"{prefix}celery_app"),
    )


def _is_test(file: Path, base: Path) -> bool:
    parts = file.relative_to(base).parts
    return (
        any(part in ("tests", "test", "testing", "migrations") for part in parts[:-1])
        or parts[-1] in ("tests.py", "conftest.py")
        or parts[-1].startswith("test_")
    )


@dataclass(frozen=True)
class _Task:
    name: str
    place: str
    #: Why it may be none, or have another name.
    doubt: str = ""
    #: The decorator that hides its name, as ``file:line``.
    wrapped: str = ""


def _tasks(module: Module, modules: Modules, apps: Apps, relative: str) -> Iterator[_Task]:
    for node, doubt in _functions(module.tree):
        for number, decorator in enumerate(node.decorator_list):
            certain = _is_task(decorator, module, modules, apps)
            if certain is False:
                continue
            doubts = [doubt]
            if certain is None:
                doubts.append(f"whether {ast.unparse(decorator)} is Celery's cannot be told")
            name = _given_name(decorator, module, modules)
            if name is None:
                doubts.append("its name is computed")
            wrapped = None if name else _renamed(node.decorator_list[number + 1 :], module, modules)
            seen = f"{wrapped[0]}.{wrapped[1]}" if wrapped else f"{module.name}.{node.name}"
            yield _Task(
                name or seen,
                f"{relative}:{node.lineno}",
                next(filter(None, doubts), ""),
                wrapped[2] if wrapped else "",
            )


_Function = (ast.FunctionDef, ast.AsyncFunctionDef)


def _functions(tree: ast.Module) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, str]]:
    """Yield the decorated functions of a module, with why one may never be reached."""
    waiting: list[tuple[ast.AST, str]] = [(tree, "")]
    while waiting:
        node, doubt = waiting.pop()
        if isinstance(node, _Function):
            if node.decorator_list:
                yield node, doubt
            doubt = doubt or f"it is made when {node.name}() is called"
        elif isinstance(node, (ast.If, ast.While)):
            doubt = doubt or f"it stands below a condition in line {node.lineno}"
        waiting.extend((child, doubt) for child in reversed(statements_below(node)))


def _is_task(decorator: ast.expr, module: Module, modules: Modules, apps: Apps) -> bool | None:
    """Tell whether a decorator makes a task of Celery's, by where its name comes from; None: perhaps."""
    call = decorator if isinstance(decorator, ast.Call) else None
    receiver, _dot, name = dotted(call.func if call else decorator).rpartition(".")
    if name == "shared_task":
        return _is_celerys(receiver or name, module, modules)
    if not receiver and (other := _other_name(name, module, modules, apps)) is not False:
        return other
    if name not in ("task", "periodic_task") or not receiver:
        return False
    known = apps.is_app(module, receiver)
    if known is not None:
        return known
    # A star import, or an argument: the name is all there is.
    last = receiver.rpartition(".")[2]
    return None if "app" in last or "celery" in last else False


#: How far another name for ``shared_task`` is followed.
_DEPTH = 5


def _other_name(name: str, module: Module, modules: Modules, apps: Apps, depth: int = _DEPTH) -> bool | None:
    """Tell whether a name is another one for what makes a task; None: perhaps.

    Understood are ``from celery import shared_task as job``, ``job = partial(shared_task, …)``,
    ``job = shared_task(…)``, ``job = app.task``, and functions that return what one of these gives.
    """
    imported = module.imports(name)
    if not name or not depth:
        return False
    if imported is None:
        return _defined_name(name, module, modules, apps, depth)
    origin, there, _line = imported
    source = _readable(modules, origin)
    outside = source is None or source is module
    if outside or there == "shared_task":
        return there == "shared_task" and _is_celerys(name, module, modules)
    return _other_name(there, source, modules, apps, depth - 1) if source else False


def _defined_name(name: str, module: Module, modules: Modules, apps: Apps, depth: int) -> bool | None:
    for statement in module.tree.body:
        if isinstance(statement, ast.FunctionDef) and statement.name == name:
            returned = [node.value for node in nodes(statement, ast.Return) if node.value]
            made = any(_makes_tasks(value, module, modules, apps, depth) is not False for value in returned)
            return None if made else False
        if isinstance(statement, ast.Assign) and name in {dotted(target) for target in statement.targets}:
            return _makes_tasks(statement.value, module, modules, apps, depth)
    return False


def _makes_tasks(value: ast.expr, module: Module, modules: Modules, apps: Apps, depth: int) -> bool | None:
    """Tell whether an expression makes tasks of functions."""
    if isinstance(value, ast.Call):
        last = dotted(value.func).rpartition(".")[2]
        if last == "partial" and value.args:
            return _makes_tasks(value.args[0], module, modules, apps, depth)
        # shared_task(…), and shared_task(…)(function)
        return _makes_tasks(value.func, module, modules, apps, depth)
    receiver, _dot, last = dotted(value).rpartition(".")
    if last == "shared_task":
        return _is_celerys(receiver or last, module, modules)
    if receiver:
        return last == "task" and (apps.is_app(module, receiver) or False)
    return _other_name(last, module, modules, apps, depth - 1)


def _called_for(module: Module, modules: Modules, apps: Apps, relative: str) -> Iterator[_Task]:
    """Yield tasks without a decorator: ``send = shared_task(send)``, ``app.register_task(Send())``."""
    classes = {node.name: node for node in module.tree.body if isinstance(node, ast.ClassDef)}
    for statement in module_statements(module.tree):
        call = getattr(statement, "value", None)
        if not isinstance(call, ast.Call) or len(call.args) != 1:
            continue
        given = call.args[0]
        receiver, _dot, method = dotted(call.func).rpartition(".")
        if method == "register_task" and apps.is_app(module, receiver):
            made = classes.get(dotted(given.func)) if isinstance(given, ast.Call) else None
            if made:
                yield _Task(_name_of_class(made, module), f"{relative}:{made.lineno}")
        elif isinstance(statement, ast.Assign) and isinstance(given, ast.Name):
            defined = [node for node in module.tree.body if getattr(node, "name", "") == given.id]
            is_one = len(defined) == 1 and isinstance(defined[0], _Function)
            if is_one and _is_task(call.func, module, modules, apps):
                name = _given_name(call.func, module, modules)
                doubt = "" if name is not None else "its name is computed"
                yield _Task(name or f"{module.name}.{given.id}", f"{relative}:{defined[0].lineno}", doubt)


def _name_of_class(made: ast.ClassDef, module: Module) -> str:
    """Return the name of a task that a class is: its attribute ``name``, else that of the class."""
    for statement in made.body:
        if isinstance(statement, ast.Assign) and any(
            dotted(target) == "name" for target in statement.targets
        ):
            return literal_text(statement.value) or f"{module.name}.{made.name}"
    return f"{module.name}.{made.name}"


def _given_name(decorator: ast.expr, module: Module, modules: Modules) -> str | None:
    """Return the name that a decorator gives, empty where it gives none, None where it is computed."""
    for keyword in decorator.keywords if isinstance(decorator, ast.Call) else []:
        if keyword.arg == "name":
            if literal_text(keyword.value):
                return literal_text(keyword.value)
            texts = (
                modules.strings(module, keyword.value)
                if isinstance(keyword.value, (ast.Name, ast.Attribute))
                else []
            )
            return texts[0] if len(texts) == 1 else None
    return ""


def _renamed(decorators: list[ast.expr], module: Module, modules: Modules) -> tuple[str, str, str] | None:
    """Return what a decorator of the project's makes of a function's name, where it forgets functools.wraps.

    The answer is the module and name that Celery sees, and the place of the decorator.
    """
    for decorator in decorators:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        found = _function_called(dotted(called), module, modules)
        if found is None:
            continue
        source, function = found
        inner = _returned(function)
        if isinstance(decorator, ast.Call) and inner:
            inner = _returned(inner) or inner
        if inner and not inner.decorator_list and not _updates(function):
            return source.name, inner.name, f"{function.name} ({source.file.name}:{function.lineno})"
    return None


def _function_called(name: str, module: Module, modules: Modules) -> tuple[Module, ast.FunctionDef] | None:
    for node in module.tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return module, node
    imported = module.imports(name)
    source = _readable(modules, imported[0]) if imported else None
    if imported is None or source is None or source is module:
        return None
    for node in source.tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == imported[1]:
            return source, node
    return None


def _returned(function: ast.FunctionDef) -> ast.FunctionDef | None:
    """Return the function inside of a function that this one returns."""
    inside = {node.name: node for node in function.body if isinstance(node, ast.FunctionDef)}
    returns = [node.value for node in function.body if isinstance(node, ast.Return) and node.value]
    names = [node.id for node in returns if isinstance(node, ast.Name)]
    return inside.get(names[0]) if len(names) == 1 else None


def _updates(function: ast.FunctionDef) -> bool:
    return any(
        (isinstance(node, ast.Call) and dotted(node.func).endswith(("wraps", "update_wrapper")))
        or (isinstance(node, ast.Attribute) and node.attr in ("__name__", "__wrapped__"))
        for node in ast.walk(function)
    )


def _is_celerys(name: str, module: Module, modules: Modules) -> bool:
    """Tell whether a name comes from Celery, straight or through a module of the project."""
    imported = module.imports(name.partition(".")[0])
    if imported is None:
        return True  # by `import celery` or a star
    source = _readable(modules, imported[0])
    if source is None or source is module:
        # A package around Celery, such as that of django-tenants, has it too.
        return "celery" in imported[0].partition(".")[0].lower()
    defined = any(getattr(node, "name", "") == imported[1] for node in source.tree.body)
    return not defined and _is_celerys(imported[1], source, modules)


def _readable(modules: Modules, name: str) -> Module | None:
    try:
        return modules.get(name)
    except SourceError:
        return None
