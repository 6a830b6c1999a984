# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""uv: where it is on a host, or comes from, what it is told, and what it says.

uv and not pip: it solves the whole set before it touches anything and says in a sentence why
there is no solution, tells in advance what it would do (``--dry-run``), and takes a third of
the time. It is configured by pip's own files, so that a host's private index keeps working.
"""

from __future__ import annotations

import configparser
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .. import _command
from .builder import Builder
from .interpreter import Interpreter

#: The first uv that has all the options used here.
UV = "uv>=0.9"
_CHANGE = re.compile(r"^ ([-+~]) (\S+?)(?: [(@].*)?$", re.MULTILINE)
_TRUSTED = "/etc/ssl/certs/ca-certificates.crt"


class PackagesError(Exception):
    """The packages cannot be had. The text says why, what was changed if anything was, and what to do."""


@dataclass(frozen=True)
class Uv:
    """The program, and as whom and with what it is run."""

    path: str
    builder: Builder
    environ: Mapping[str, str] = field(default_factory=dict)
    #: Of each command that fetches packages.
    sources: Sequence[str] = ()

    @classmethod
    def on_host(cls, path: str, builder: Builder, home: Path, cache: str = "") -> Uv:
        """Return the uv of this host, told what pip is told.

        Args:
            path: the program.
            builder: who runs it.
            home: takes the place of a home that the builder has not.
            cache: where it keeps what it fetches, unless the environment says so; empty for its own place.
        """
        pip = _pip_settings()
        told = {**uv_environment(os.environ, pip), **_configuration(builder)}
        if cache and not os.environ.get("UV_CACHE_DIR"):
            told["UV_CACHE_DIR"] = cache
        sources = [*(["--no-index"] if _is_on(pip.get("no-index", "")) else []), *binaries(pip)]
        return cls(path, builder, {**os.environ, **told, **builder.environ(home)}, sources)

    def pip(self, arguments: Sequence[str], folder: Path) -> _command.Completed[str]:
        """Run ``uv pip`` in the folder that relative paths in requirement files are meant from.

        Raises:
            PackagesError: it failed.
        """
        command, *rest = arguments
        return self.run(["pip", command, *self.sources, *rest], str(folder))

    @staticmethod
    def changes(done: _command.Completed[str]) -> list[str]:
        """Return what a command installed and removed, or would."""
        return [f"{sign}{name}" for sign, name in _CHANGE.findall(done.stderr)]

    def run(self, arguments: Sequence[str], folder: str = "/") -> _command.Completed[str]:
        """Run it to its end.

        Raises:
            PackagesError: it failed.
        """
        command = [self.path, *arguments]
        try:
            done = _command.run(command, env=dict(self.environ), cwd=folder, **self.builder.options())
        except OSError as error:
            raise PackagesError(f"uv cannot be run: {error.filename}: {error.strerror}.") from error
        if done.returncode != 0:
            raise PackagesError(explain(done.stderr or done.stdout or f"uv ended with {done.returncode}."))
        return done


def _configuration(builder: Builder) -> dict[str, str]:
    """Return what makes uv read the host's or the user's own configuration, and none of a folder's."""
    if os.environ.get("UV_CONFIG_FILE") or os.environ.get("UV_NO_CONFIG"):
        return {}
    mine = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config", "uv/uv.toml")
    for file in [*([mine] if builder.is_us() else []), Path("/etc/uv/uv.toml")]:
        if file.is_file():
            return {"UV_CONFIG_FILE": str(file)}
    return {"UV_NO_CONFIG": "1"}


#: What a compiler or a build says of the cause, the plainest first.
_CAUSES = (
    re.compile(r"^.*?\S+:\d+(?::\d+)?: (?:fatal )?error: .*$", re.M),
    re.compile(r"^.*\b(?:not found|No such file or directory)\b.*$", re.M),
    re.compile(r"^\s*(?:\w+\.)*\w*(?:Error|Exception): .*$", re.M),
    re.compile(r"^\s*error: .*$", re.M),
)


def _does_not_build(output: str) -> str:
    """Return what to say of a package that cannot be built, empty where that is not the trouble."""
    package = re.search(r"Failed to (?:build|download and build|prepare)[^`]*`([^`]+)`", output)
    if not package:
        return ""
    inside = output[package.end() :]
    found = (pattern.findall(inside) for pattern in _CAUSES)
    cause = next((lines[0] for lines in found if lines), "")
    hints = re.findall(r"hint: (.*?)(?=\n\s*\n|\Z|hint: )", inside, re.S)
    texts = [re.sub(r"[^\x00-\x7f]+|\s+", " ", text).strip() for text in (cause, *hints)]
    if not cause or re.search(r"Git operation failed|failed to (?:clone|fetch)", inside):
        return ""  # it was never built
    told = " ".join(f"{text.rstrip('.')}." for text in texts if text)[:900]
    return (
        f"{package.group(1)} does not build: {told} Install what it needs on the host (compilers and the "
        "-dev package of that library), or require a release of it that has a wheel."
    )


def explain(output: str) -> str:
    """Turn uv's message into one paragraph, with what to do about the known cases."""
    broken = "" if "No solution found" in output else _does_not_build(output)
    if broken:
        return f"The packages cannot be installed: {broken}"
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
    if re.search(r"the current Python version \(\S+\) does not satisfy", text):
        advice = (
            "Set celery_python to a Python of this host that fits, such as /usr/bin/python3.13, or require a "
            "release for the one that there is."
        )
    elif "django-celery-beat" in text and re.search(r"(?<![\w-])django(?![\w-])", text):
        advice = (
            "django-celery-beat 2.9 works with Django below 6.1: require Django<6.1 in the project, "
            "or set celery_beat_scheduler to file, which does without django-celery-beat."
        )
    return f"The packages cannot be solved, nothing was changed: {text} {advice}"


def find(tools: Path, builder: Builder) -> str | None:
    """Return the uv of the host, or our own copy, that the builder can run; None where there is none."""
    for path in (shutil.which("uv"), str(tools / "uv")):
        if path and _runs(path, builder):
            return path
    return None


def _runs(path: str, builder: Builder) -> bool:
    """Tell whether a uv is whole, and this user's to run."""
    try:
        return _command.run([path, "--version"], timeout=60, **builder.options()).returncode == 0
    except (OSError, _command.TimeoutExpired):
        return False


def fetch(tools: Path, interpreter: Interpreter) -> str:
    """Put a copy of our own into *tools*, whole or not at all, and return its path.

    Raises:
        PackagesError: it cannot be had.
    """
    own = tools / "uv"
    with tempfile.TemporaryDirectory(prefix="celeriac-") as folder:
        fetched = _fetch(interpreter, Path(folder))
        tools.mkdir(parents=True, exist_ok=True)
        # It may be in a checkout, and a run that is refused later never gets to hide the folder above.
        (tools / ".gitignore").write_text("*\n", encoding="utf-8")
        new = tools / ".uv.new"
        new.unlink(missing_ok=True)
        shutil.copyfile(fetched, new)
        new.chmod(0o755)
        with open(new, "rb") as file:
            os.fsync(file.fileno())
        new.rename(own)
    return str(own)


def _fetch(interpreter: Interpreter, folder: Path) -> Path:
    """Get uv's one binary from the package index, with the pip that comes with Python."""
    if not interpreter.has_ensurepip:
        raise PackagesError(
            f"{interpreter} comes without ensurepip, so packages cannot be installed. "
            "Install the package python3-venv on the host, or uv."
        )
    environ = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    # A wheel alone: nothing is built, so nothing of it is run.
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--only-binary=:all:"]
    wheel = _bundled_pip(interpreter)
    if wheel:
        # pip runs from its wheel: an environment for it would take seconds, and be thrown away.
        environ["PYTHONPATH"] = wheel
        commands = [[interpreter.path, *install, "--target", str(folder), UV]]
    else:
        commands = [
            [interpreter.path, "-I", "-m", "venv", str(folder)],
            [str(folder / "bin/python"), *install, UV],
        ]
    for command in commands:
        # In a folder of our own: with -m, Python looks for modules in the current one.
        done = _command.run(command, env=environ, cwd=folder)
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
    done = _command.run([interpreter.path, "-I", "-c", question])
    return next(iter(done.stdout.split("\n")), "").strip()


def _pip_settings() -> dict[str, str]:
    """Return pip's settings on this host, by their long names; the environment wins."""
    home = Path.home()
    files = [
        Path("/etc/xdg/pip/pip.conf"),
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


#: pip's settings that have a variable of uv's: what it is called, and how several values are put together.
_VARIABLES = {
    "index-url": ("UV_DEFAULT_INDEX", None),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "constraint": ("UV_CONSTRAINT", " "),
    "build-constraint": ("UV_BUILD_CONSTRAINT", " "),
    "client-cert": ("SSL_CLIENT_CERT", None),
    "timeout": ("UV_HTTP_TIMEOUT", None),
}
#: What else is followed; docs/packages.md has a row for each.
FOLLOWED = (*_VARIABLES, "no-index", "proxy", "cert", "pre", "no-binary", "only-binary")
#: What changes which packages are installed, and has no equal here.
UNFOLLOWED = (
    "require-hashes",
    "no-deps",
    "prefer-binary",
    "no-build-isolation",
    "keyring-provider",
    "platform",
)


def unfollowed() -> list[str]:
    """Return the settings of pip on this host that are not followed, and matter."""
    pip = _pip_settings()
    off = ("", "0", "false", "no", "off", "n", "f")
    return [name for name in UNFOLLOWED if pip.get(name, "").strip().lower() not in off]


def binaries(pip: Mapping[str, str]) -> list[str]:
    """Return the arguments that say of which packages only wheels, or only sources, are taken."""
    words: list[str] = []
    for name in ("no-binary", "only-binary"):
        for package in pip.get(name, "").replace(",", " ").split():
            words += [] if package == ":none:" else [f"--{name}", package]
    return words


def uv_environment(environ: Mapping[str, str], pip: Mapping[str, str]) -> dict[str, str]:
    """Return what uv has to be told so that it fetches packages as pip does on this host.

    Args:
        environ: the environment; what it says to uv itself is left alone.
        pip: pip's settings by their long names.
    """
    told = {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}
    for name, (variable, between) in _VARIABLES.items():
        value = pip.get(name, "").strip()
        if value and (name != "timeout" or value.isdigit()):
            told[variable] = value if between is None else between.join(value.split())
    if "UV_INDEX" in told:
        # As pip does: the newest, whichever index has it.
        told["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    if _is_on(pip.get("pre", "")):
        told["UV_PRERELEASE"] = "allow"
    if pip.get("proxy"):
        told.update(dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), pip["proxy"]))
    if pip.get("cert"):
        told["SSL_CERT_FILE"] = pip["cert"]
    elif os.path.exists(_TRUSTED):
        told["SSL_CERT_FILE"] = _TRUSTED
    return {name: value for name, value in told.items() if not environ.get(name)}


def _is_on(value: str) -> bool:
    return value.strip().lower() in ("1", "y", "yes", "t", "true", "on")
