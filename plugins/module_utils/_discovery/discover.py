# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Django checkout tells about itself, found by parsing alone: none of it is imported."""

from __future__ import annotations

import ast
import gc
import os
import re
import sys
from pathlib import Path

from .. import _owner as owner
from .._checkout import block
from .._checkout.integration import RECORD_PATH, IntegrationError, Record
from . import (
    celery_code,
    entry_points,
    findings,
    installed,
    packaging,
    settings_named,
    settings_place,
    settings_values,
)
from . import samples as _sample_places
from .files import git_ignored, python_files, readable_name
from .imports import Module, Modules, path_additions
from .project import App, Finding, Project, SettingsPlace
from .requirements import (
    find_requirements,
    find_requires_python,
    open_requirements,
    other_requirements,
    required_names,
)
from .source import DiscoveryError, SourceError, environment_default, parse


def discover(path: str, package: str = "", settings: str = "") -> Project:
    """Look at the checkout at *path*, as its owner where this is root.

    Args:
        path: the folder of the checkout, absolute.
        package: the package that gets celery.py; found where empty.
        settings: the settings module of production; found where empty.

    Raises:
        DiscoveryError: something is missing, or there are several; the text says what to do.
    """

    def look(_ask: owner.Ask) -> dict[str, object]:
        # Trees have no cycles, and a collector that looks at all of them again and again frees nothing.
        collects = gc.isenabled()
        gc.disable()
        try:
            return _looked_at(Path(path), package, settings).as_data()
        finally:
            if collects:
                gc.enable()

    if not os.path.isdir(path):
        find_manage(Path(path))
    try:
        return Project.from_data(owner.call(Path(path), look, errors=[DiscoveryError]))
    except owner.OwnerError as error:
        raise DiscoveryError(f"celery_project_path: {error}") from error
    except OSError as error:
        raise DiscoveryError(f"celery_project_path: {error.filename or path}: {error.strerror}") from error


def _looked_at(path: Path, package: str, settings: str) -> Project:
    try:
        if not os.access(path, os.R_OK | os.X_OK):
            raise DiscoveryError(
                f"celery_project_path: {path} cannot be looked into by the user {os.geteuid()}. Run as the "
                "owner of the checkout or with become; with become, its owner has to get through the "
                "folders above it."
            )
        return _checked(_discover(path, package, settings))
    except SourceError as error:
        version = ".".join(map(str, sys.version_info[:2]))
        raise DiscoveryError(
            f"{error}. Correct the file, then run again; if it is right for a Python newer than {version}, "
            "which looks at the checkout, set ansible_python_interpreter to one."
        ) from error
    except IntegrationError as error:
        raise DiscoveryError(str(error)) from error
    except OSError as error:
        raise DiscoveryError(
            f"{error.filename or path}: {error.strerror}. The checkout is read as its owner, the user "
            f"{os.geteuid()}: give the owner what is in it."
        ) from error


def _checked(project: Project) -> Project:
    """See that what is found by its name can be written down: in units, in settings, in YAML.

    Raises:
        DiscoveryError: a name holds a line break or another control character, or is no text.
    """
    names = [project.path, project.base, project.package, project.package_path, project.settings]
    names += [project.settings_file, project.settings_source, project.configuration, project.env_example]
    names += [project.gitignore, project.open_requirements, *project.import_paths, *project.requirements]
    names += project.other_requirements
    names += [*project.apps, *project.apps.values(), *(place.file for place in project.settings_places)]
    names += [project.celery_app.file, project.celery_app.address] if project.celery_app else []
    names += [*project.environment.values(), *project.celery_settings.values()]
    for name in names:
        if not readable_name(name):
            raise DiscoveryError(
                f"{name!r} in the checkout has a line break or another control character in its name, or "
                "bytes that are no UTF-8. Such a name cannot be written into units and settings: rename it."
            )
    return project


def find_manage(path: Path, ignored: frozenset[str] = frozenset()) -> Path:
    """Return the one manage.py in or below *path*.

    Raises:
        DiscoveryError: there is no such folder, no manage.py, or more than one.
    """
    if not path.is_dir():
        raise DiscoveryError(
            f"celery_project_path: there is no folder {path} on this host. "
            "Check the checkout there first, or correct the variable."
        )
    direct = path / "manage.py"
    if direct.is_file():
        return direct
    found = [file for file in python_files(path, ignored) if file.name == "manage.py" and _is_djangos(file)]
    if len(found) == 1:
        return found[0]
    for file in [] if found else path.rglob("manage.py"):
        if not readable_name(str(file)):
            raise DiscoveryError(f"celery_project_path: {str(file)!r} has a name that cannot be: rename it.")
    if not found and (template := _template_below(path)):
        raise DiscoveryError(
            f"celery_project_path: {path} is a template of projects ({template}), and none itself. Make a "
            "project of it first, with the tool that it is for, and name the folder of that."
        )
    if not found:
        raise DiscoveryError(
            f"celery_project_path: {path} is no Django project: "
            "there is no manage.py in it or below it. Name the folder of the checkout."
        )
    listed = ", ".join(str(file.relative_to(path)) for file in found)
    raise DiscoveryError(
        f"celery_project_path: {path} holds several Django projects ({listed}). "
        f"Name the folder of the one that is meant, such as {found[0].parent}."
    )


def _template_below(path: Path) -> str:
    """Return the manage.py of a template of projects, as of cookiecutter, copier or startproject."""
    patterns = ("*{{*/manage.py", "*/*{{*/manage.py", "manage.py-tpl", "*/manage.py-tpl", "*manage.py.j*")
    found = [file for pattern in patterns for file in sorted(path.glob(pattern)) if file.is_file()]
    return str(found[0].relative_to(path)) if found and readable_name(str(found[0])) else ""


def _is_djangos(file: Path) -> bool:
    """Tell whether a manage.py is Django's: other tools have one too."""
    try:
        return b"execute_from_command_line" in (content := file.read_bytes()) or b"django" in content.lower()
    except OSError:
        return False


def import_root(path: Path, manage: Path) -> Path:
    """Return the folder that the project is imported from: that of manage.py, where that is no package.

    A manage.py that is inside of its package is run as ``python -m shop.manage`` or by an installed
    command, and the settings that it names begin with the package.

    Raises:
        DiscoveryError: that folder is outside of the checkout.
    """
    base = manage.parent
    if not (base / "__init__.py").is_file():
        return base
    named = settings_named.named_by(manage, base)
    root = next(folder for folder in base.parents if not (folder / "__init__.py").is_file())
    above = Modules([root])
    if named is None or Modules([base]).file(named.module) or not above.file(named.module):
        return base
    if not root.is_relative_to(path):
        raise DiscoveryError(
            f"celery_project_path: {manage} is inside of the package that it manages, which is imported from "
            f"{root}. Set celery_project_path to that folder, or to the checkout that holds it."
        )
    return root


def import_paths(base: Path, ignored: frozenset[str], manage: Path | None = None) -> list[Path]:
    """Return the folders that the project is imported from, *base* first.

    Added are those that manage.py and the server files put on ``sys.path``, and
    ``src`` where a project that is installed as a package has its code.
    """
    manage = manage or base / "manage.py"
    near = Modules([base], ignored=ignored, managed=frozenset({manage.parent}))
    files = [manage, *settings_named.server_files(near)]
    added = path_additions(base, files)
    source = base / "src"
    if source.is_dir() and not (source / "__init__.py").exists() and source not in added:
        added.append(source)
    return [base, *added]


def _needed_paths(base: Path, added: list[Path], names: list[str]) -> list[str]:
    """Return the added folders without which one of the modules could not be imported."""
    plain = Modules([base])
    missing = [name for name in names if not (plain.file(name) or plain.folder(name))]
    return [
        str(folder)
        for folder in added
        if any((there := Modules([folder])).file(name) or there.folder(name) for name in missing)
    ]


def _integrated_package(modules: Modules) -> str:
    """Return the one package of the project that has a record of an integration, if there is one."""
    records = [
        record
        for root in modules.roots
        for depth in ("*", "*/*")
        for record in root.glob(f"{depth}/{RECORD_PATH}")
    ]
    folders = {record.parents[1] for record in records if str(record.parents[1]) not in modules.ignored}
    return modules.name_of(folders.pop() / "__init__.py") if len(folders) == 1 else ""


def _package_folder(package: str, modules: Modules) -> Path:
    folder = modules.folder(package)
    if folder is None:
        raise DiscoveryError(
            f"celery_project_package: there is no package {package} below {modules.roots[0]}. "
            "Name the package that holds wsgi.py."
        )
    return folder


def _own_apps(installed: list[str], modules: Modules) -> dict[str, str]:
    """Resolve the entries of INSTALLED_APPS that are the project's own packages."""
    apps = {}
    for entry in installed:
        parts = entry.split(".")
        while parts:
            folder = modules.folder(".".join(parts))
            if folder:
                apps[".".join(parts)] = str(folder)
                break
            parts.pop()
    return apps


def _record(folder: Path) -> Record:
    """Return the record of the integration in a package, empty where there is none."""
    try:
        return Record.parse((folder / RECORD_PATH).read_bytes())
    except OSError:
        return Record()


def _documented_names(file: Path) -> list[str]:
    """Return the names that the project's own lines in .env.example give a value."""
    try:
        content = block.without(file.read_bytes())
    except OSError:
        return []
    return re.findall(r"^(?:export )?(\w+)=", content.decode("utf-8", "replace"), re.MULTILINE)


def _own_statements(file: Path) -> list[ast.stmt]:
    """Return the statements at the top level of a module, without those of a block of ours."""
    try:
        return ast.parse(block.without(file.read_bytes())).body
    except (OSError, SyntaxError, ValueError):
        return []


def _line_of_name(body: list[ast.stmt], name: str) -> int:
    """Return the line where a name is imported or given a value, 0 where it is not."""
    for node in body:
        names: list[str] = []
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.asname or alias.name for alias in node.names]
        elif isinstance(node, ast.Assign):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        if name in names:
            return node.lineno
    return 0


def _beside_manage(path: Path, base: Path, name: str) -> Path:
    """Return the file of that name that the checkout has, else where it goes: beside manage.py."""
    return next((folder / name for folder in (base, path) if (folder / name).exists()), base / name)


def _configuration(manage: Path, modules: Modules) -> str:
    """Return the class of django-configurations that is named, production's first."""
    for file in [*settings_named.server_files(modules), manage]:
        found = environment_default(parse(file), settings_named.CONFIGURATION)
        if found:
            return found[0]
    return ""


def _places(modules: Modules, named: list[settings_named.Named], configuration: str) -> list[SettingsPlace]:
    """Return the files that get a block: production's, and others where an environment has its own."""
    places: dict[str, SettingsPlace] = {}
    for number, entry in enumerate(named):
        try:
            place = settings_place.find_place(modules, entry.module, configuration)
        except (DiscoveryError, SourceError):
            if number == 0:
                raise
            continue
        why = place.why
        if place.module.name != entry.module:
            why += f", and {entry.module} is made from it"
        if number:
            why += f" ({entry.source} names it)"
        file = str(place.module.file)
        places.setdefault(file, SettingsPlace(file, why, place.names_apps))
    return list(places.values())


def _folders_of(others: dict[str, str], modules: Modules) -> dict[str, tuple[str, str]]:
    """Return the project's own of apps that only another environment installs, with folder and reason."""
    found = {}
    for entry, why in others.items():
        found.update({name: (folder, why) for name, folder in _own_apps([entry], modules).items()})
    return found


def _doubt(
    celery: celery_code.Found, modules: Modules, apps: dict[str, str], others: dict[str, tuple[str, str]]
) -> None:
    """Take the tasks out of what is expected that production may never load."""
    sure = {name: folder for name, folder in apps.items() if name not in others}
    for name, place in list(celery.tasks.items()):
        file = modules.roots[0] / place.rpartition(":")[0]
        why = installed.doubt(file, modules, sure, others)
        if why:
            celery.doubtful[name] = f"{place}: {why}"
            del celery.tasks[name]


def _extends(modules: Modules, settings: str, main: str) -> bool:
    """Tell whether settings are others than production's that take these and add to them."""
    if not settings or settings == main or modules.file(settings) is None:
        return False
    return main in (module.name for module in settings_place.chain(modules, settings))


def _frozen(places: list[SettingsPlace], modules: Modules, base: Path) -> list[Finding]:
    """Refuse a block where it would have no effect."""
    found: list[Finding] = []
    for place in places:
        module = modules.get(modules.name_of(Path(place.file)))
        found += settings_place.frozen(module, base) if module else []
    return found


def _uncommitted(places: list[SettingsPlace], modules: Modules, base: Path) -> list[Finding]:
    """Tell of settings that git ignores: the block in them is in no repository."""
    return [
        Finding(
            f"{os.path.relpath(place.file, base)}: git ignores this file, so the block of settings in it is "
            "not committed: it is on this host alone. Put the same lines into the file that it is made from, "
            "and run this on each host.",
            concerns="integration",
        )
        for place in places
        if any(str(part) in modules.ignored for part in (Path(place.file), *Path(place.file).parents))
    ]


#: What every process with Celery imports by name.
_LIBRARIES = ("celery", "kombu", "billiard", "vine", "amqp", "click", "dateutil", "redis")


def _hiding(modules: Modules) -> dict[str, str]:
    """Return the project's modules that Python would find in place of a library, with their files."""
    beside = Modules(modules.roots[:1])
    return {name: str(file) for name in _LIBRARIES if (file := beside.file(name))}


def _without_record(package: Path, made: bool, path: Path) -> list[Finding]:
    """Refuse a checkout that has the integration without its record: it was not committed with the rest."""
    code = package / Path(RECORD_PATH).parent / "apps.py"
    try:
        ours = not made and b'label = "celery_ops"' in code.read_bytes()
    except OSError:
        return []
    if not ours:
        return []
    record = os.path.relpath(package / RECORD_PATH, path)
    text = (
        f"{record} is missing beside files of the integration, so nothing tells them from the project's own. "
        "Does git ignore it? Where the integration was made, add it: git add --force "
        f"{record}; or take these files out by hand, and run again."
    )
    return [Finding(text, refuses=True)]


def _findings(
    celery: celery_code.Found,
    chosen: App | None,
    equals: list[str],
    files: list[Module],
    base: Path,
) -> list[Finding]:
    """Return the lines of settings, apps and tasks that make a deployment other than it seems."""
    found = findings.of_settings(files, base)
    found += findings.of_clashes(celery.clashes)
    found += findings.of_equal_apps(equals)
    if chosen:
        file = base / chosen.file
        found += findings.of_the_app(Module(chosen.module, file, parse(file)), chosen.file)
    return found


def _discover(path: Path, package: str, settings: str, source: str = "celery_project_settings") -> Project:
    ignored = git_ignored(path) if path.is_dir() else frozenset()
    manage = find_manage(path, ignored)
    base = import_root(path, manage)
    managed = frozenset({manage.parent})
    modules = Modules(import_paths(base, ignored, manage), ignored=ignored, managed=managed)
    starting = [manage, *settings_named.server_files(modules)]
    by_files = entry_points.settings_by_files(starting, base, path)
    if settings:
        named = [settings_named.Named(settings, source)]
    else:
        named = settings_named.find_settings(path, base, modules, manage, by_files)
    main = named[0]
    settings_file = modules.file(main.module)
    if settings_file is None:
        raise DiscoveryError(settings_named.not_there(base, modules, main))
    configuration = _configuration(manage, modules)
    if not package:
        # Where Celery is already, whatever variable put it there.
        package = _integrated_package(modules) or settings_named.find_package(modules, main.module)
    package_path = _package_folder(package, modules) if package else settings_file.parent
    if package:
        modules.packages[package_path] = package
    named_by_files = list(modules.roots)
    files = settings_place.chain(modules, main.module)
    # What the settings put on sys.path themselves, they do in every process.
    while modules.add_roots(path_additions(base, [module.file for module in files])):
        files = settings_place.chain(modules, main.module)
    entries = installed.find_installed(modules, files)
    apps = _own_apps(entries, modules)
    modules.packages |= {Path(folder): name for name, folder in apps.items()}
    celery = celery_code.find_celery(base, modules, ignored)
    record = _record(package_path)
    # The files of the checkout that this collection made, with their digests.
    made = {path / name: known for name, known in record.made.items()}
    noted = {str(file.relative_to(path)): known for file, known in made.items()}
    others = installed.elsewhere(modules, files, base)
    _doubt(celery, modules, {package: str(package_path), **apps}, _folders_of(others, modules))
    foreign = [
        app
        for app in celery.apps
        if base / app.file not in made and not installed.other_project(base / app.file, base, apps)
    ]
    chosen = celery_code.choose_app(foreign, package, main.module)
    if chosen and not made and not settings and _extends(modules, chosen.settings, main.module):
        # The app is deployed as it is: with the settings that it names, which are the web's and more.
        return _discover(path, package, chosen.settings, chosen.settings_place)
    places, problem = [], ""
    try:
        places = _places(modules, named, configuration)
    except DiscoveryError as error:
        if not chosen or made:
            raise
        problem = str(error)  # it matters only to whoever wants another app beside the one that is there
    package_body = _own_statements(package_path / "__init__.py")
    owner = path.stat()
    requirements = find_requirements(path, base)
    servers = settings_named.server_files(modules)
    entry_lines = entry_points.find(manage, servers, base, path)
    web = settings_named.server_of(servers, base, main.module)
    return Project(
        path=str(path),
        base=str(base),
        import_paths=_needed_paths(base, named_by_files[1:], [main.module, *apps]),
        package=package,
        package_path=str(package_path),
        package_is_namespace=not (package_path / "__init__.py").exists(),
        package_imports=any(isinstance(node, (ast.Import, ast.ImportFrom)) for node in package_body),
        package_line=_line_of_name(package_body, "celery_app"),
        settings=main.module,
        settings_file=str(settings_file),
        settings_source=main.source,
        configuration=configuration,
        settings_places=places,
        settings_problem=problem,
        installed_apps=entries,
        apps=apps,
        database=settings_values.find_database(files),
        own_databases=settings_values.find_own_databases(files, base),
        caches=settings_values.find_caches(files),
        environment=settings_values.find_required_environment(files, base),
        has_env_file=any((folder / ".env").exists() for folder in (base, path)),
        celery_settings=settings_values.find_celery_settings(files, base),
        requirements=requirements,
        lock=packaging.lock_of(path, requirements),
        required=required_names(path, requirements),
        open_requirements=open_requirements(path, requirements),
        other_requirements=[] if requirements else other_requirements(path, base),
        requires_python=find_requires_python(path, base),
        celery_app=chosen,
        other_celery_apps=[app.place for app in foreign if app is not chosen],
        integrated=bool(made),
        recorded_name=record.name,
        tasks=celery.tasks,
        doubtful_tasks=celery.doubtful,
        entry_lines=entry_lines,
        entry_files=entry_points.followed(entry_lines, files, bool(servers)),
        web=modules.name_of(web) if web else "",
        web_file=os.path.relpath(web, base) if web else "",
        web_modules=[modules.name_of(file) for file in servers],
        findings=[
            *_findings(
                celery,
                chosen,
                celery_code.equal_apps(foreign, package, main.module),
                files,
                base,
            ),
            *findings.of_other_settings(chosen, main.module, main.source),
            *entry_points.tell(entry_lines, files, list(dict.fromkeys((base, path))), base, bool(servers)),
            *_frozen(places, modules, base),
            *_uncommitted(places, modules, base),
            *_without_record(package_path, bool(made), path),
            *packaging.find(path, base, requirements),
            *settings_named.passed_over(base, modules, manage, main, by_files),
        ],
        results_read=celery.results_read,
        chords=celery.chords,
        samples=_sample_places.look(path, modules, apps, noted),
        records_used=_sample_places.records_used(path, base, noted, ignored),
        unread=celery.unread,
        hiding=_hiding(modules),
        documented=_documented_names(_beside_manage(path, base, ".env.example")),
        gitignore=str(_beside_manage(path, base, ".gitignore")),
        env_example=str(_beside_manage(path, base, ".env.example")),
        production=settings_named.production_beside(modules, main),
        writable=all(
            os.access(file, os.W_OK) for file in (path, package_path, *(Path(place.file) for place in places))
        ),
        owner_uid=owner.st_uid,
        owner_gid=owner.st_gid,
    )
