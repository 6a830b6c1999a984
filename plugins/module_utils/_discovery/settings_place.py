# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that settings are made of, and the one where a block reaches every environment."""

from __future__ import annotations

import ast
import os
import re
from dataclasses import dataclass
from pathlib import Path

from .._checkout import block
from .imports import Module, Modules
from .project import Finding
from .settings_named import CONFIGURATION, VARIABLE
from .source import DiscoveryError, SourceError, assignments, dotted, literal_text, parse, walk

#: What takes the names of a settings module at the moment of the call (dynaconf).
_FREEZING = ("DjangoDynaconf",)


@dataclass(frozen=True)
class Place:
    """Where a block of settings goes: at the end of a module."""

    module: Module
    why: str

    @property
    def names_apps(self) -> bool:
        """Whether a reader of the module alone, such as a linter, can see INSTALLED_APPS in it."""
        return bool(assignments(self.module.tree, "INSTALLED_APPS") or self.module.imports("INSTALLED_APPS"))


def chain(modules: Modules, settings: str) -> list[Module]:
    """Return the settings module and the project's modules that go into it, nearest first."""
    found: list[Module] = []
    waiting = [settings]
    while waiting:
        module = modules.get(waiting.pop(0))
        if module is None or module in found:
            continue
        found.append(module)
        waiting.extend(name for name, _line in module.star_imports())
        waiting.extend(included(modules, module))
        explicit = module.imports("INSTALLED_APPS")
        waiting.extend([explicit[0]] if explicit else [])
    return found


def included(modules: Modules, module: Module) -> list[str]:
    """Return the modules that the settings ``include()``, as django-split-settings has it."""
    names = []
    for node in walk(module.tree):
        if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] == "include":
            texts = [text for part in node.args for text in _texts(part)]
            for text in texts:
                names += [modules.name_of(file) for file in _matches(modules, module.file.parent, text)]
    return names


def _matches(modules: Modules, folder: Path, pattern: str) -> list[Path]:
    """Return the project's Python files that a pattern of ``include()`` names."""
    if not pattern or os.path.isabs(pattern):
        return []
    found = sorted(folder.glob(re.sub(r"\*+", "*", pattern)))
    files = [Path(os.path.normpath(file)) for file in found if file.suffix == ".py"]
    return [file for file in files if any(file.is_relative_to(root) for root in modules.roots)]


def _texts(node: ast.expr) -> list[str]:
    """Return a literal, or the pattern that a text with computed parts matches."""
    if isinstance(node, ast.Call) and node.args:  # optional("local.py")
        return _texts(node.args[0])
    if isinstance(node, ast.JoinedStr):
        return ["".join(literal_text(part) or "*" for part in node.values)]
    return [literal_text(node)] if literal_text(node) else []


def gives_value(module: Module, name: str) -> int:
    """Return the line where a module sets *name* anew, 0 where it at most adds to what it star-imported."""
    stars = [star for star, _line in module.star_imports()]
    for statement, value in assignments(module.tree, name):
        if not isinstance(statement, ast.AugAssign) and not any(
            _is_imported(module, node, name, stars) for node in ast.walk(value)
        ):
            return statement.lineno
    return 0


def _is_imported(module: Module, node: ast.AST, name: str, stars: list[str]) -> bool:
    """Tell whether an expression is *name* itself, or that of a module whose names are all imported."""
    holder, _dot, last = dotted(node).rpartition(".")
    if last != name or not holder:
        return last == name
    imported = module.imports(holder)
    return (".".join(imported[:2]) if imported else holder) in stars


def find_place(modules: Modules, settings: str, configuration: str = "") -> Place:
    """Return the module at whose end INSTALLED_APPS is complete for every environment.

    Args:
        modules: the project's modules.
        settings: the settings module.
        configuration: the class of django-configurations that production runs with, if one is named.

    Raises:
        DiscoveryError: there is none; the text has the file, the line and the lines to add by hand.
    """
    module = modules.get(settings)
    place = _place(modules, module, []) if module else None
    if place:
        return place
    files = chain(modules, settings)
    sources = _with_bases(modules, files)
    # Classes of pydantic-settings and others are put into the module by a call, and are not edited either.
    of_configurations = bool(configuration) or any(_imports(module, "configurations") for module in sources)
    others = any(_is_dynamic(module.tree) or _imports(module, "pydantic") for module in sources)
    for found in sources if of_configurations or not others else []:
        for node in found.tree.body:
            if isinstance(node, ast.ClassDef) and (line := _class_line(node)):
                raise DiscoveryError(_by_hand(found, line, node.name, settings, configuration or node.name))
    for found in files:
        if _is_dynamic(found.tree):
            return Place(found, "the settings are put together there at run time")
    listed = ", ".join(str(found.file) for found in files)
    beside = _given_beside(files)
    where = f" {', '.join(beside)} gives it one, and no line of the settings imports that." if beside else ""
    raise DiscoveryError(
        f"INSTALLED_APPS gets no value at the top level of {listed}.{where} Set celery_project_settings to "
        "the settings module that production runs with. If that is the one, write a Celery app of the "
        "project's own (docs.celeryq.dev, First steps with Django): the next run uses it."
    )


def _given_beside(files: list[Module]) -> list[str]:
    """Return the lines beside the settings that give INSTALLED_APPS a value, as ``file:line``."""
    found = []
    for folder in dict.fromkeys(module.file.parent for module in files):
        for file in sorted(folder.glob("*.py")):
            try:
                given = assignments(parse(file), "INSTALLED_APPS")
            except SourceError:
                continue
            found += [f"{file.name}:{statement.lineno}" for statement, _value in given[:1]]
    return found


def _place(modules: Modules, module: Module, seen: list[str]) -> Place | None:
    if module.name in seen:
        return None
    reason = _own_reason(modules, module)
    if reason:
        return Place(module, reason)
    stars = module.star_imports()
    places = {
        place.module.name: place
        for name, _line in stars
        if (source := modules.get(name)) and (place := _place(modules, source, [*seen, module.name]))
    }
    if len(places) == 1:
        return _open_place(modules, module, next(iter(places.values())))
    if places:
        return Place(module, f"it chooses between {' and '.join(sorted(places))}")
    outside = [name for name, _line in stars if modules.get(name) is None]
    if outside and assignments(module.tree, "INSTALLED_APPS"):
        return Place(module, f"INSTALLED_APPS comes from {outside[0]}, and is extended there")
    return None


def _open_place(modules: Modules, module: Module, place: Place) -> Place:
    """Return the place, or the importing module where an ``__all__`` would keep the settings from it."""
    for name, _line in module.star_imports():
        source = modules.get(name)
        if source and assignments(source.tree, "__all__") and not _has_block(place.module):
            return Place(module, f"{name} has an __all__, which would keep the settings to itself")
    return place


def _has_block(module: Module) -> bool:
    return block.has_block(module.file.read_bytes())


def _own_reason(modules: Modules, module: Module) -> str:
    """Return why a module itself is the place, empty where it is not."""
    if _has_block(module):
        return "the block is there already"
    if line := gives_value(module, "INSTALLED_APPS"):
        return f"INSTALLED_APPS gets its value in line {line}"
    explicit = module.imports("INSTALLED_APPS")
    if explicit and explicit[0] not in (name for name, _line in module.star_imports()):
        return f"INSTALLED_APPS is imported in line {explicit[2]}"
    if any(_gives(modules, name) for name in included(modules, module)):
        return "include() puts the settings together there"
    return ""


def _gives(modules: Modules, name: str) -> bool:
    module = modules.get(name)
    return module is not None and gives_value(module, "INSTALLED_APPS") > 0


def _is_dynamic(tree: ast.Module) -> bool:
    calls = {dotted(node.func) for node in walk(tree) if isinstance(node, ast.Call)}
    return bool(calls & {"globals", "vars", "locals", "exec", "setattr", "execfile", "to_django"})


def _imports(module: Module, package: str) -> bool:
    """Tell whether a module imports a package whose name begins so."""
    return any(
        (isinstance(node, ast.ImportFrom) and (node.module or "").startswith(package))
        or (isinstance(node, ast.Import) and any(alias.name.startswith(package) for alias in node.names))
        for node in walk(module.tree)
    )


def frozen(place: Module, base: Path) -> list[Finding]:
    """Refuse a block at the end of settings that are taken by something above it.

    Args:
        place: the module that gets the block.
        base: the folder that places are relative to.
    """
    file = os.path.relpath(place.file, base)
    marked = block.line(place.file.read_bytes())
    for statement in place.tree.body:
        what = _freezes(statement)
        if what and not 0 < marked < statement.lineno:
            text = (
                f"{file}:{statement.lineno}: {what} takes the settings as they are in that line, and what "
                "comes after it is never read: a block at the end would have no effect. Put these "
                f"two lines above it, and run again:\n{block.BEGIN}\n{block.END}\n"
            )
            return [Finding(text, refuses=True, concerns="integration")]
    return []


def _freezes(statement: ast.stmt) -> str:
    """Return what a statement hands the module's names to, once and for all; empty where nothing."""
    value = getattr(statement, "value", None)
    if isinstance(value, ast.Call) and dotted(value.func).rpartition(".")[2] in _FREEZING:
        return dotted(value.func)
    for target in statement.targets if isinstance(statement, ast.Assign) else []:
        if isinstance(target, ast.Subscript) and dotted(target.value) == "sys.modules":
            return "sys.modules"
    return ""


def _class_line(node: ast.ClassDef) -> int:
    """Return the line where a class sets INSTALLED_APPS, 0 where it does not."""
    for statement in node.body:
        if isinstance(statement, (ast.Assign, ast.AnnAssign)):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            if any(isinstance(target, ast.Name) and target.id == "INSTALLED_APPS" for target in targets):
                return statement.lineno
        elif isinstance(statement, ast.FunctionDef) and statement.name == "INSTALLED_APPS":
            return statement.lineno
    return 0


def _with_bases(modules: Modules, files: list[Module]) -> list[Module]:
    """Return the modules, and those that the base classes in them come from."""
    found = list(files)
    for module in found:
        for node in module.tree.body:
            for base in node.bases if isinstance(node, ast.ClassDef) else []:
                imported = module.imports(dotted(base).partition(".")[0])
                names = (".".join(imported[:2]), imported[0]) if imported else ()
                source = next(filter(None, map(modules.get, names)), None)
                if source and source not in found:
                    found.append(source)  # and so its own bases are looked at too
    return found


def _by_hand(module: Module, line: int, name: str, settings: str, configuration: str) -> str:
    package = settings.partition(".")[0]
    needs_values = not module.imports("values")
    imports = f"at the top of {module.file}:\n    from configurations import values\n" if needs_values else ""
    return (
        f"{module.file}:{line}: the settings are in the class {name} (django-configurations), and classes "
        f"are not edited. Add to {name} by hand:\n"
        "    CELERY_BROKER_URL = values.SecretValue(environ_prefix=None)\n"
        "    CELERY_RESULT_BACKEND = values.Value('django-db', environ_prefix=None)\n"
        f"{imports}"
        "  add 'django_celery_results' and 'django_celery_beat' to its INSTALLED_APPS, and both with celery "
        "to the requirements;\n"
        f"write {package}/celery.py:\n"
        "    import os\n\n"
        "    from celery import Celery\n"
        "    from configurations import importer\n\n"
        f'    os.environ.setdefault("{VARIABLE}", "{settings}")\n'
        f'    os.environ.setdefault("{CONFIGURATION}", "{configuration}")\n'
        "    importer.install()\n\n"
        f'    app = Celery("{package}")\n'
        '    app.config_from_object("django.conf:settings", namespace="CELERY")\n'
        "    app.autodiscover_tasks()\n"
        f"and into {package}/__init__.py:\n"
        "    from .celery import app as celery_app\n"
        "The next run finds this app, and deploys it."
    )
