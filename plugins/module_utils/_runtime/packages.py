# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The virtual environment and its packages, by uv.

uv and not pip: it solves the whole set before it touches anything and says in a sentence why
there is no solution, tells in advance what it would do (``--dry-run``), and takes a third of
the time. It is configured by pip's own files, so that a host's private index keeps working.
"""

from __future__ import annotations

import configparser
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import _command
from .._checkout import block
from .._discovery.requirements import with_includes
from .interpreter import Interpreter

#: The first uv that has all the options used here.
UV = "uv>=0.9"
_RECORD = ".celeriac.json"
_TRUSTED = "/etc/ssl/certs/ca-certificates.crt"
_CHANGE = re.compile(r"^ ([-+~]) (\S+?)(?: [(@].*)?$", re.MULTILINE)


class PackagesError(Exception):
    """The packages cannot be had; nothing was changed. The text says why and what to do."""


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

    def fingerprint(self) -> str:
        """Return a digest of everything that decides what gets installed."""
        state = hashlib.sha256()
        for part in (*self.interpreter.version[:2], *self.specs):
            state.update(f"{part}\n".encode())
        for file in self.files:
            for included in with_includes(file):
                # Our own lines repeat what is wanted anyway.
                own = block.without(included.read_bytes()).rstrip()
                state.update(str(included).encode() + b"\0" + own + b"\0")
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


def is_current(wanted: Wanted) -> bool:
    """Tell whether nothing has to be done: the same was asked for before, and it is all still there."""
    record = _read_record(wanted.venv)
    # Its Python is gone after an upgrade of the host's.
    python = wanted.venv / "bin" / "python"
    return record == {**_state(wanted), "made": record.get("made")} and python.exists()


def is_ours(venv: Path) -> bool:
    """Tell whether a virtual environment was made here, rather than found and used."""
    return bool(_read_record(venv).get("made"))


def _read_record(venv: Path) -> dict[str, object]:
    try:
        record: dict[str, object] = json.loads((venv / _RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record


def _write_record(venv: Path, record: Mapping[str, object]) -> None:
    (venv / _RECORD).write_text(json.dumps(record, indent=1), encoding="utf-8")


def _state(wanted: Wanted) -> dict[str, object]:
    return {"wanted": wanted.fingerprint(), "installed": installed(wanted.venv)}


def install(wanted: Wanted, check: bool, prove: Callable[[Path], None]) -> list[str]:
    """Bring the virtual environment to what is wanted.

    Args:
        wanted: what it has to hold.
        check: only tell what would change.
        prove: is called with the environment's Python after a change, and raises if it is no good.

    Returns:
        the changes, as ``+name==version`` and ``-name==version``. Empty: there was nothing to do.

    Raises:
        PackagesError: the set cannot be solved or fetched. A new environment is gone again,
            an old one as before.
    """
    if is_current(wanted):
        return []
    made = [path for path in (_first_missing(wanted.venv), _first_missing(wanted.tools)) if path]
    try:
        uv = _find_uv(wanted, check)
        if uv is None:
            return [f"+{spec}" for spec in wanted.specs]
        environ = {**os.environ, **uv_environment(os.environ, _pip_settings())}
        if check:
            return _predict(uv, wanted, environ)
        return _install(uv, wanted, environ, prove)
    except BaseException:
        for path in made:
            # The reason why we are here is what has to be told.
            shutil.rmtree(path, ignore_errors=True)
        raise


def _predict(uv: str, wanted: Wanted, environ: Mapping[str, str]) -> list[str]:
    if not (wanted.venv / "bin" / "python").exists():
        return _compile(uv, wanted, environ)
    command = [uv, "pip", "install", "--dry-run", *_into(wanted), *_sources(wanted)]
    return _changes(_run(command, environ))


def _install(uv: str, wanted: Wanted, environ: Mapping[str, str], prove: Callable[[Path], None]) -> list[str]:
    python = wanted.venv / "bin" / "python"
    record = _read_record(wanted.venv)
    # Killed in the middle: what uv takes for installed may lack files.
    torn = bool(record.get("installing"))
    new = not python.exists() or (torn and bool(record.get("made")))
    if new:
        stale = bool(record) or (wanted.venv / "pyvenv.cfg").exists()
        clear = ["--clear"] if stale else []
        base = wanted.interpreter.path
        _run([uv, "venv", "--quiet", *clear, "--python", base, str(wanted.venv)], environ)
    ours = new or bool(record.get("made"))
    again = ["--reinstall"] if torn and not new else []
    _write_record(wanted.venv, {"made": ours, "installing": True})
    command = [uv, "pip", "install", "--compile-bytecode", *again, *_into(wanted), *_sources(wanted)]
    try:
        done = _run(command, environ)
    finally:
        _write_record(wanted.venv, {"made": ours})
    prove(python)
    _write_record(wanted.venv, {**_state(wanted), "made": ours})
    return _changes(done) or (["+environment"] if new else [])


def _sources(wanted: Wanted) -> list[str]:
    return [*(f"-r{file}" for file in wanted.files), *wanted.specs]


def _into(wanted: Wanted) -> list[str]:
    return ["--python", str(wanted.venv / "bin" / "python")]


def _first_missing(path: Path) -> Path | None:
    """Return the uppermost folder that has to be made for *path*, None where all are there."""
    missing = None
    while not path.exists():
        missing, path = path, path.parent
    return missing


def _compile(uv: str, wanted: Wanted, environ: Mapping[str, str]) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="celeriac-") as folder:
        extra = Path(folder, "specs.in")
        extra.write_text("\n".join(wanted.specs) + "\n", encoding="utf-8")
        files = [*map(str, wanted.files), str(extra)]
        python = wanted.interpreter.path
        done = _run(
            [
                uv,
                "pip",
                "compile",
                "--quiet",
                "--no-header",
                "--no-annotate",
                "--python",
                python,
                *files,
            ],
            environ,
        )
    return [f"+{line}" for line in done.stdout.split() if "==" in line]


def _changes(done: _command.Completed[str]) -> list[str]:
    return [f"{sign}{name}" for sign, name in _CHANGE.findall(done.stderr)]


def _run(command: list[str], environ: Mapping[str, str]) -> _command.Completed[str]:
    done = _command.run(command, env=dict(environ))
    if done.returncode != 0:
        raise PackagesError(explain(done.stderr or done.stdout))
    return done


def explain(output: str) -> str:
    """Turn uv's message into one paragraph, with what to do about the known cases."""
    text = re.sub(r"[^\x00-\x7f]+", " ", output)  # the frame that uv draws
    text = re.sub(r"^Using Python .*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r"^(?:Using (?:C?Python|Python) .*? environment at: \S+ ?)?(?:error: )?", "", text)
    if "No solution found" not in text:
        return (
            f"The packages cannot be installed: {text} "
            "Check the requirement files and the host's way to the package index."
        )
    advice = "Change one of these requirements, or name others in celery_requirements."
    if "django-celery-beat" in text and re.search(r"(?<![\w-])django(?![\w-])", text):
        advice = (
            "django-celery-beat 2.9 works with Django below 6.1: require Django<6.1 in the project, "
            "or set celery_beat_scheduler to file, which does without django-celery-beat."
        )
    return f"The packages cannot be solved, nothing was changed: {text} {advice}"


def _find_uv(wanted: Wanted, check: bool) -> str | None:
    own = wanted.tools / "uv"
    found = shutil.which("uv") or (str(own) if own.exists() else None)
    if found or check:
        return found
    with tempfile.TemporaryDirectory(prefix="celeriac-") as folder:
        fetched = _fetch_uv(wanted.interpreter, Path(folder))
        wanted.tools.mkdir(parents=True, exist_ok=True)
        shutil.copy2(fetched, own)
    return str(own)


def _fetch_uv(interpreter: Interpreter, folder: Path) -> Path:
    """Get uv's one binary from the package index, with the pip that comes with Python."""
    if not interpreter.has_ensurepip:
        raise PackagesError(
            f"{interpreter} comes without ensurepip, so packages cannot be installed. "
            "Install the package python3-venv on the host, or uv."
        )
    environ = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
    wheel = _bundled_pip(interpreter)
    if wheel:
        # pip runs from its wheel: an environment for it would take seconds, and be thrown away.
        environ["PYTHONPATH"] = wheel
        commands = [[interpreter.path, *install, "--target", str(folder), UV]]
    else:
        commands = [
            [interpreter.path, "-m", "venv", str(folder)],
            [str(folder / "bin/python"), *install, UV],
        ]
    for command in commands:
        done = _command.run(command, env=environ)
        if done.returncode != 0:
            last = " / ".join((done.stderr or done.stdout).strip().splitlines()[-3:])
            raise PackagesError(
                f"{UV} cannot be fetched from the package index: {last}. Install uv on the host, "
                "or see that pip works there."
            )
    return folder / "bin/uv"


def _bundled_pip(interpreter: Interpreter) -> str:
    """Return the wheel of pip that ensurepip would install, empty where there is none to see."""
    question = (
        "import ensurepip, glob, os; "
        "print(*glob.glob(os.path.join(os.path.dirname(ensurepip.__file__), '_bundled/pip-*.whl')), "
        "*glob.glob('/usr/share/python-wheels/pip-*.whl'), sep='\\n')"
    )
    done = _command.run([interpreter.path, "-c", question])
    return next(iter(done.stdout.split("\n")), "").strip()


def _pip_settings() -> dict[str, str]:
    """Return pip's settings on this host, by their long names; the environment wins."""
    home = Path.home()
    files = [
        Path("/etc/pip.conf"),
        home / ".pip/pip.conf",
        Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip/pip.conf",
    ]
    if os.environ.get("PIP_CONFIG_FILE"):
        files.append(Path(os.environ["PIP_CONFIG_FILE"]))
    parser = configparser.RawConfigParser()
    parser.read([str(file) for file in files], encoding="utf-8")
    found: dict[str, str] = {}
    for section in ("global", "install"):
        if parser.has_section(section):
            found.update((name.replace("_", "-"), value) for name, value in parser.items(section))
    for name, value in os.environ.items():
        if name.startswith("PIP_"):
            found[name.removeprefix("PIP_").lower().replace("_", "-")] = value
    return found


def uv_environment(environ: Mapping[str, str], pip: Mapping[str, str]) -> dict[str, str]:
    """Return what uv has to be told so that it fetches packages as pip does on this host.

    Args:
        environ: the environment; what it says to uv itself is left alone.
        pip: pip's settings by their long names.
    """
    told = {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}
    extra = " ".join(pip.get("extra-index-url", "").split())
    if pip.get("index-url"):
        told["UV_DEFAULT_INDEX"] = pip["index-url"]
    if extra:
        told["UV_INDEX"] = extra
        told["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    if pip.get("find-links"):
        told["UV_FIND_LINKS"] = ",".join(pip["find-links"].split())
    if pip.get("trusted-host"):
        told["UV_INSECURE_HOST"] = " ".join(pip["trusted-host"].split())
    if pip.get("cert"):
        told["SSL_CERT_FILE"] = pip["cert"]
    elif os.path.exists(_TRUSTED):
        told["SSL_CERT_FILE"] = _TRUSTED
    return {name: value for name, value in told.items() if not environ.get(name)}
