# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The virtual environment and its packages.

One of ours is a link: each set of packages is an environment of its own beside it, made whole and proven
before the link is exchanged. What runs keeps the packages that it was started with, and a run that is killed
or fails leaves the link as it was.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .. import _command, _whole
from .. import _owner as owner
from .._checkout import block
from .._discovery import formats, locks
from .._discovery.requirements import with_includes
from . import builder as _builder
from . import deployed, lock, removal
from . import uv as _uv
from .interpreter import Interpreter
from .uv import PackagesError

_RECORD = ".celeriac.json"
#: What a folder with environments of ours has in it.
_MARK = ".celeriac"


@dataclass(frozen=True)
class Wanted:
    """What the virtual environment has to hold."""

    venv: Path
    interpreter: Interpreter
    #: Requirement files (requirements.txt, pyproject.toml), absolute.
    files: Sequence[Path]
    #: Further requirements, each with its lower bound.
    specs: Sequence[str]
    #: Where an own copy of uv is kept if the host has none.
    tools: Path
    #: Where relative paths in requirement files are meant from, as pip does: the checkout.
    folder: Path = Path("/")
    #: A lock file whose versions are kept, None where there is none.
    lock: Path | None = None
    #: The files as uv reads them, and a file with the lock's versions: made for one run.
    plain: Sequence[Path] = ()
    constraints: Path | None = None

    def fingerprint(self) -> str:
        """Return a digest of everything that decides what gets installed.

        Raises:
            PackagesError: the requirement files cannot be read as the owner of the checkout.
        """
        state = hashlib.sha256()
        for part in (*self.interpreter.version[:2], *self.specs):
            state.update(f"{part}\n".encode())
        try:
            # A line in one can name any file.
            state.update(
                owner.call(
                    self.folder, lambda _ask: _digest_of_requirements(self.files, self.lock, self.folder)
                ).encode()
            )
        except (owner.OwnerError, OSError) as error:
            raise PackagesError(f"{error}.") from error
        return state.hexdigest()


def _digest_of_requirements(files: Sequence[Path], lock_file: Path | None, folder: Path) -> str:
    state = hashlib.sha256()
    locked = [lock_file, *(file.with_name("Pipfile.lock") for file in files if file.name == "Pipfile")]
    for file in filter(None, locked):
        state.update(file.read_bytes() if file.is_file() else b"")
    for file in files:
        for included in with_includes(file):
            # Our own lines repeat what is wanted anyway.
            own = block.without(included.read_bytes()).rstrip()
            # The same files in another folder, such as that of the next release, mean the same.
            state.update(os.fsencode(os.path.relpath(included, folder)) + b"\0" + own + b"\0")
    return state.hexdigest()


def installed(venv: Path) -> dict[str, str]:
    """Return the distributions in a virtual environment, name to version, as on disk."""
    found = {}
    for info in venv.glob("lib/python3*/site-packages/*.dist-info"):
        name, _dash, version = info.name.removesuffix(".dist-info").partition("-")
        found[name.lower().replace("_", "-")] = version
    return found


def versions(venvs: Sequence[str]) -> dict[str, str]:
    """Return the versions of Django and Celery in the first of these environments that has Django."""
    for venv in venvs:
        found = installed(Path(venv))
        if "django" in found:
            return {name: found[name] for name in ("django", "celery") if name in found}
    return {}


def sets_of(venv: Path) -> Path:
    """Return the folder of the environments that the link *venv* is exchanged between."""
    return venv.with_name(f"{venv.name}.d")


def is_current(wanted: Wanted) -> bool:
    """Tell whether nothing has to be done: the same was asked for before, and it is all still there."""
    record = _read_record(wanted.venv)
    return record == {**_state(wanted), "made": record.get("made")} and _runs(wanted.venv)


def is_ours(venv: Path) -> bool:
    """Tell whether a virtual environment was made here, rather than found and used."""
    return bool(_read_record(venv).get("made")) or (sets_of(venv) / _MARK).exists()


def ours(venv: Path) -> list[Path]:
    """Return what there is of a virtual environment that was made here: the link, and what is beside it."""
    if not is_ours(venv):
        return []
    return [path for path in (venv, sets_of(venv)) if os.path.lexists(path)]


def _runs(venv: Path) -> bool:
    # Its Python is gone after an upgrade of the host's.
    return (venv / "bin" / "python").exists()


def _read_record(venv: Path) -> dict[str, object]:
    try:
        record: dict[str, object] = json.loads((venv / _RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record


def _write_record(venv: Path, record: Mapping[str, object]) -> None:
    _whole.write(venv / _RECORD, json.dumps(record, indent=1))


def _state(wanted: Wanted, venv: Path | None = None) -> dict[str, object]:
    return {"wanted": wanted.fingerprint(), "installed": installed(venv or wanted.venv)}


def install(
    wanted: Wanted,
    check: bool,
    see: Callable[[Path], None],
    builder: _builder.Builder,
) -> list[str]:
    """Bring the virtual environment to what is wanted.

    Args:
        wanted: what it has to hold.
        check: only tell what would change.
        see: is called with the environment's Python after a change, and raises if it is no good.
        builder: who solves, builds and installs.

    Returns:
        the changes, as ``+name==version`` and ``-name==version``. Empty: there was nothing to do.

    Raises:
        PackagesError: the set cannot be solved or fetched. An environment of ours is as before.
        LockError: another run changes the environment all the time.
    """
    if is_current(wanted):
        return []
    if check:
        return _predict(wanted, builder)
    with lock.held(str(wanted.venv)):
        # The run that was waited for may have done it.
        return [] if is_current(wanted) else _install(wanted, see, builder)


def _predict(wanted: Wanted, builder: _builder.Builder) -> list[str]:
    program = _uv.find(wanted.tools, builder)
    if program is None:
        return [f"+{spec}" for spec in wanted.specs]
    with _passable_folder(builder) as folder:
        uv = _uv.Uv.on_host(program, builder, folder, _cache(wanted.tools, builder, folder, make=False))
        wanted = _as_uv_reads_it(wanted, folder, builder)
        if not _runs(wanted.venv):
            return _compile(uv, wanted, folder)
        command = ["install", "--dry-run", *_into(wanted.venv), *_sources(wanted)]
        return uv.changes(uv.pip(command, wanted.folder))


def _install(wanted: Wanted, see: Callable[[Path], None], builder: _builder.Builder) -> list[str]:
    mark = wanted.tools.parent / deployed.MARK
    places = (wanted.venv, sets_of(wanted.venv), wanted.tools, mark)
    made = [path for path in map(_first_missing, places) if path]
    try:
        _hide(_first_missing(wanted.venv), wanted.venv)
        _refuse_what_is_no_environment(wanted.venv)
        foreign = _runs(wanted.venv) and not is_ours(wanted.venv)
        code_of_others = not builder.is_us()
        if foreign:
            builder = _owner_of(wanted.venv)
        program = _uv.find(wanted.tools, builder) or _uv.fetch(wanted.tools, wanted.interpreter)
        if mark.parent.is_dir():
            mark.touch()
        with _passable_folder(builder) as folder:
            uv = _uv.Uv.on_host(program, builder, folder, _cache(wanted.tools, builder, folder))
            wanted = _as_uv_reads_it(wanted, folder, builder)
            if foreign:
                # In root's own environment, only root can install: then nothing is built.
                wheels = ["--only-binary", ":all:"] if builder.is_us() and code_of_others else []
                return _change_in_place(replace(uv, sources=[*uv.sources, *wheels]), wanted, see)
            return _exchange(uv, wanted, see)
    except _builder.BuilderError as error:
        raise PackagesError(f"{error}.") from error
    finally:
        if not _read_record(wanted.venv):
            for path in made:
                # The reason why we are here is what has to be told.
                with contextlib.suppress(removal.RemovalError):
                    removal.remove(path)


def _hide(top: Path | None, venv: Path) -> None:
    """Make the folder that is to hold all of it, such as .celery, so that git shows nothing of it.

    A run that ends before the rest is there may leave an environment, which the next one takes up again.
    """
    if top and top != venv and any((above / ".git").exists() for above in top.parents):
        top.mkdir()
        top.chmod(0o755)
        (top / ".gitignore").write_text("*\n", encoding="utf-8")


def _refuse_what_is_no_environment(venv: Path) -> None:
    """See that what is at our places is ours, or an environment that works."""
    others = sets_of(venv)
    if others.is_symlink() or (others.exists() and not (others / _MARK).exists() and any(others.iterdir())):
        raise PackagesError(
            f"{others} would hold the environments that {venv} is exchanged between, and is somebody else's. "
            "Move it away, or name another place in celery_venv_path."
        )
    if _runs(venv) or is_ours(venv) or not os.path.lexists(venv):
        return
    if venv.is_symlink() or not venv.is_dir() or any(venv.iterdir()):
        raise PackagesError(
            f"celery_venv_path: {venv} is somebody else's, and no environment that works: there is no "
            "bin/python in it that runs. Make it anew, or remove it."
        )


def _owner_of(venv: Path) -> _builder.Builder:
    """Return who installs into an environment that somebody else made: its owner.

    Raises:
        PackagesError: others can change what its owner would run.
    """
    status = venv.stat()
    if status.st_mode & 0o022:
        raise PackagesError(
            f"celery_venv_path: {venv} can be written to by others than its owner, and services would run "
            f"what they put there. Take the right away: chmod go-w {venv}"
        )
    if os.geteuid() != 0:
        return _builder.Builder(os.geteuid(), os.getegid())
    return _builder.Builder(status.st_uid, status.st_gid)


def _change_in_place(uv: _uv.Uv, wanted: Wanted, see: Callable[[Path], None]) -> list[str]:
    """Install into an environment that somebody else made; what is torn then, the next run installs again."""
    record = _read_record(wanted.venv)
    # Killed in the middle: what uv takes for installed may lack files.
    again = ["--reinstall"] if record.get("installing") else []
    # Solved first: what cannot be leaves all as it is.
    uv.pip(["install", "--dry-run", *_into(wanted.venv), *_sources(wanted)], wanted.folder)
    _write_record(wanted.venv, {"made": False, "installing": True})
    try:
        done = uv.pip(
            ["install", "--compile-bytecode", *again, *_into(wanted.venv), *_sources(wanted)], wanted.folder
        )
    except PackagesError as error:
        raise PackagesError(
            f"{error} The packages in {wanted.venv} may have been changed in part; the next run installs all "
            "of them again."
        ) from error
    _write_record(wanted.venv, {"made": False})
    see(wanted.venv / "bin" / "python")
    _write_record(wanted.venv, {**_state(wanted), "made": False})
    return uv.changes(done)


def _exchange(uv: _uv.Uv, wanted: Wanted, see: Callable[[Path], None]) -> list[str]:
    """Make an environment beside the one in use, and put it in its place when it is whole."""
    sets = sets_of(wanted.venv)
    _make(sets)
    _prune(sets, wanted.venv)
    old = wanted.venv.resolve() if _is_whole(wanted) else None
    target = _free(sets, wanted.fingerprint()[:12])
    try:
        done = _build(uv, wanted, target, old)
        see(target / "bin" / "python")
        changes = uv.changes(done)
        if old and not changes:
            # Other words for the same packages.
            shutil.rmtree(target)
            _write_record(old, {**_state(wanted), "made": True})
            return []
        _write_record(target, {**_state(wanted, target), "made": True})
        # After a power cut, a link to what was not written would be worse than the old one.
        os.sync()
        _link(wanted.venv, target)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise
    return changes or ["+environment"]


def _is_whole(wanted: Wanted) -> bool:
    """Tell whether the environment in use can be built on: all of it is there, and for the same Python."""
    minor = "python{}.{}".format(*wanted.interpreter.version[:2])
    record = _read_record(wanted.venv)
    return "wanted" in record and _runs(wanted.venv) and (wanted.venv / "lib" / minor).is_dir()


def _make(sets: Path) -> None:
    new = [folder for folder in (*reversed(sets.parents), sets) if not folder.exists()]
    for folder in new:
        folder.mkdir()
        folder.chmod(0o755)
        if folder == new[0] and any((above / ".git").exists() for above in folder.parents):
            # A run that ends before the rest is there leaves nothing in the checkout that git would show.
            (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    (sets / _MARK).touch()


def _prune(sets: Path, venv: Path) -> None:
    """Remove what nobody uses: what killed runs left, and old environments that no process holds."""
    current = venv.resolve()
    for path in sets.iterdir():
        if path == current or path.name in (_MARK, ".gitignore") or _in_use(path):
            continue
        removal.remove(path)


def _in_use(environment: Path) -> bool:
    """Tell whether a process holds the environment: the units' launcher locks its configuration."""
    try:
        handle = os.open(environment / "pyvenv.cfg", os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _free(sets: Path, name: str) -> Path:
    """Return a place for an environment; the same packages can have been there before."""
    number, found = 1, sets / name
    while os.path.lexists(found):
        number += 1
        found = sets / f"{name}-{number}"
    return found


def _build(uv: _uv.Uv, wanted: Wanted, target: Path, old: Path | None) -> _command.Completed[str]:
    """Make an environment: a copy of the old one, with what has changed since."""
    if uv.builder.is_us():
        target.mkdir()
        target.chmod(0o755)
        return _fill(uv, wanted, target, old)
    with tempfile.TemporaryDirectory(prefix="build-", dir=target.parent) as folder:
        os.chmod(folder, 0o711)  # noqa: S103 - to pass through, on the way to what is the builder's
        place = Path(folder, "venv")
        place.mkdir(0o700)
        done = _fill(uv, wanted, place, old)
        target.mkdir()
        target.chmod(0o755)
        # Not given back but copied: who has built it may still hold its files open.
        _builder.copy(place, target, uv.builder.uid)
    return done


def _fill(uv: _uv.Uv, wanted: Wanted, place: Path, old: Path | None) -> _command.Completed[str]:
    us = uv.builder.is_us()
    if old:
        _builder.copy(old, place, old.stat().st_uid, link=us)
        for name in (_RECORD, "bin/python", "pyvenv.cfg"):
            (place / name).unlink(missing_ok=True)
    if not us:
        _builder.give(place, uv.builder)
    uv.run(["venv", "--quiet", "--allow-existing", "--python", wanted.interpreter.path, str(place)])
    command = ["install", "--compile-bytecode", *_into(place), *_sources(wanted)]
    return uv.pip(command, wanted.folder)


def _link(venv: Path, target: Path) -> None:
    """Put an environment in the place of the one in use, which stays until the next exchange."""
    if venv.is_dir() and not venv.is_symlink():
        # As earlier versions made it. What runs from there has its files open under that name.
        venv.rename(_free(target.parent, "before"))
    new = target.parent / "link"
    new.unlink(missing_ok=True)
    new.symlink_to(target.relative_to(venv.parent))
    new.rename(venv)


@contextlib.contextmanager
def _passable_folder(builder: _builder.Builder) -> Iterator[Path]:
    """Give a temporary folder that is the builder's."""
    with tempfile.TemporaryDirectory(prefix="celeriac-") as folder:
        if not builder.is_us():
            os.chown(folder, builder.uid, builder.gid)
        yield Path(folder)


def _cache(tools: Path, builder: _builder.Builder, folder: Path, make: bool = True) -> str:
    """Return where uv keeps what it fetches, if somebody else builds in our place: it goes with the rest.

    Empty for a user's own, where other programs of the user may have it already. Where somebody else could
    put a link in the way, it is kept for this run alone.
    """
    if builder.is_us():
        return ""
    place = tools / f"cache-{builder.uid}"
    if not _is_ours_alone(tools) or not (make or place.is_dir()):
        return str(folder / "cache")
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.chown(place, builder.uid, builder.gid)
    return str(place)


def _is_ours_alone(path: Path) -> bool:
    """Tell whether nobody else can change what is at a path, or on the way to it."""
    for part in (path, *path.parents):
        with contextlib.suppress(FileNotFoundError):
            status = part.lstat()
            sticky = bool(status.st_mode & 0o1000)
            if status.st_uid != os.geteuid() or (status.st_mode & 0o022 and not sticky):
                return False
    return True


def _sources(wanted: Wanted) -> list[str]:
    constraints = [f"-c{wanted.constraints}"] if wanted.constraints else []
    return [*(f"-r{file}" for file in wanted.plain or wanted.files), *constraints, *wanted.specs]


def _as_uv_reads_it(wanted: Wanted, folder: Path, builder: _builder.Builder) -> Wanted:
    """Return the same with files that uv can read, in *folder*: other forms translated, the lock's versions.

    Raises:
        PackagesError: a file says what has no equal, or cannot be read.
    """
    if wanted.lock is None and all(file.name not in ("pyproject.toml", "Pipfile") for file in wanted.files):
        return wanted
    try:
        texts: dict[str, list[str] | None] = owner.call(wanted.folder, lambda _ask: _translated(wanted))
    except (owner.OwnerError, OSError) as error:
        raise PackagesError(f"{error}.") from error
    problem = texts.pop("error", None)
    if problem:
        raise PackagesError(f"{problem[0]}. Name the requirements in celery_requirements.")

    def write(name: str, lines: Sequence[str]) -> Path:
        path = folder / name
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        if not builder.is_us():
            os.chown(path, builder.uid, builder.gid)
        return path

    plain = [
        file if (lines := texts[str(file)]) is None else write(f"requirements-{number}.txt", lines)
        for number, file in enumerate(wanted.files)
    ]
    locked = texts.get("lock")
    return replace(
        wanted, plain=plain, constraints=write("locked.txt", locked) if locked is not None else None
    )


def _translated(wanted: Wanted) -> dict[str, list[str] | None]:
    """Return what each file asks for where uv does not read it itself, and what the lock names: as lines."""
    try:
        found = {str(file): formats.lines(file) for file in wanted.files}
        if wanted.lock is not None:
            found["lock"] = [pin.constraint() for pin in locks.pins(wanted.lock)]
    except (formats.FormatError, locks.LockFileError) as error:
        return {"error": [str(error)]}
    return found


def _into(venv: Path) -> list[str]:
    return ["--python", str(venv / "bin" / "python")]


def _first_missing(path: Path) -> Path | None:
    """Return the uppermost folder that has to be made for *path*, None where all are there."""
    missing = None
    while not path.exists():
        missing, path = path, path.parent
    return missing


def _compile(uv: _uv.Uv, wanted: Wanted, folder: Path) -> list[str]:
    extra = folder / "specs.in"
    extra.write_text("\n".join(wanted.specs) + "\n", encoding="utf-8")
    if not uv.builder.is_us():
        os.chown(extra, uv.builder.uid, uv.builder.gid)
    files = [*map(str, wanted.plain or wanted.files), str(extra)]
    files += ["--constraint", str(wanted.constraints)] if wanted.constraints else []
    options = ["--quiet", "--no-header", "--no-annotate", "--python", wanted.interpreter.path]
    done = uv.pip(["compile", *options, *files], wanted.folder)
    return [f"+{line}" for line in done.stdout.split() if "==" in line]
