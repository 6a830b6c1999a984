# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What uv is told, what it says, and when there is nothing to do."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._checkout import block
from ansible_collections.celeriac.django.plugins.module_utils._runtime import packages as _packages
from ansible_collections.celeriac.django.plugins.module_utils._runtime import uv as uv_module
from ansible_collections.celeriac.django.plugins.module_utils._runtime.builder import Builder
from ansible_collections.celeriac.django.plugins.module_utils._runtime.interpreter import Interpreter

#: What uv 0.13 (and 0.9, where the name says so) wrote on a host.
RECORDED = Path(__file__).parents[2] / "data" / "uv"


def recorded(name: str) -> str:
    """Returns what uv wrote."""
    return (RECORDED / f"{name}.txt").read_text(encoding="utf-8")


# What uv says


@pytest.mark.parametrize("name", ["beat-and-django-6.1", "beat-and-django-6.1-uv-0.9"])
def test_beat_and_a_new_django_come_with_advice(name: str) -> None:
    text = uv_module.explain(recorded(name))
    assert "you require django>=6.1" in text
    assert "celery_beat_scheduler to file" in text
    assert "Django<6.1" in text


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("beat-and-celery-4", "django-celery-beat>=2.9.0 depends on celery>=5.2.3,<6.0"),
        ("django-twice", "you require django==4.2 and django==5.2"),
        ("missing-package", "celeriac-no-such-package-xyz was not found"),
        ("missing-package-uv-0.9", "celeriac-no-such-package-xyz was not found"),
    ],
)
def test_what_cannot_be_solved_is_said_in_the_words_of_uv(name: str, why: str) -> None:
    text = uv_module.explain(recorded(name))
    assert text.startswith("The packages cannot be solved, nothing was changed: No solution found")
    assert why in text
    assert "celery_requirements" in text
    assert "celery_beat_scheduler" not in text


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("index-down", "Failed to fetch: http://127.0.0.1:9/simple/six/"),
        ("bad-requirement", "Couldn't parse requirement in `bad.txt` at position 12"),
    ],
)
def test_what_cannot_be_fetched_or_read_is_said(name: str, why: str) -> None:
    text = uv_module.explain(recorded(name))
    assert text.startswith(f"The packages cannot be installed: {why}")


@pytest.mark.parametrize("file", sorted(RECORDED.iterdir()), ids=lambda file: file.stem)
def test_an_explanation_is_one_line(file: Path) -> None:
    text = uv_module.explain(file.read_text(encoding="utf-8"))
    assert text.isascii()
    assert "\n" not in text
    assert "  " not in text
    assert "Using Python" not in text


# What uv is told


TOLD_ALWAYS = {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}


@pytest.mark.parametrize(
    ("pip", "told"),
    [
        ({}, {}),
        (
            {"index-url": "https://pypi.example/simple"},
            {"UV_DEFAULT_INDEX": "https://pypi.example/simple"},
        ),
        (
            {"extra-index-url": "\nhttps://a.example\n  https://b.example"},
            {
                "UV_INDEX": "https://a.example https://b.example",
                "UV_INDEX_STRATEGY": "unsafe-best-match",
            },
        ),
        ({"find-links": "/opt/wheels\n/opt/more"}, {"UV_FIND_LINKS": "/opt/wheels,/opt/more"}),
        ({"trusted-host": "a.example\nb.example"}, {"UV_INSECURE_HOST": "a.example b.example"}),
        ({"cert": "/etc/ssl/own.pem"}, {"SSL_CERT_FILE": "/etc/ssl/own.pem"}),
        (
            {"proxy": "http://proxy.example:3128"},
            {"HTTP_PROXY": "http://proxy.example:3128", "HTTPS_PROXY": "http://proxy.example:3128"},
        ),
        ({"timeout": "60", "index-url": ""}, {"UV_HTTP_TIMEOUT": "60"}),
        ({"timeout": "none"}, {}),
        ({"constraint": "/etc/a.txt\n/etc/b.txt"}, {"UV_CONSTRAINT": "/etc/a.txt /etc/b.txt"}),
        ({"build-constraint": "/etc/a.txt"}, {"UV_BUILD_CONSTRAINT": "/etc/a.txt"}),
        ({"client-cert": "/etc/me.pem"}, {"SSL_CLIENT_CERT": "/etc/me.pem"}),
        ({"pre": "yes"}, {"UV_PRERELEASE": "allow"}),
        ({"pre": "0"}, {}),
    ],
)
def test_what_pip_is_told_uv_is_told(
    pip: dict[str, str], told: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uv_module, "_TRUSTED", "/nowhere")
    assert uv_module.uv_environment({}, pip) == {**TOLD_ALWAYS, **told}


@pytest.mark.parametrize(
    ("pip", "words"),
    [
        ({"only-binary": ":all:"}, ["--only-binary", ":all:"]),
        ({"no-binary": "lxml,pillow"}, ["--no-binary", "lxml", "--no-binary", "pillow"]),
        ({"only-binary": ":none:"}, []),
        ({}, []),
    ],
)
def test_wheels_or_sources_are_taken_as_pip_takes_them(pip: dict[str, str], words: list[str]) -> None:
    assert uv_module.binaries(pip) == words


def test_what_is_not_followed_is_told(uv: FakeUv, monkeypatch: pytest.MonkeyPatch) -> None:
    assert uv_module.unfollowed() == []
    monkeypatch.setenv("PIP_REQUIRE_HASHES", "1")
    monkeypatch.setenv("PIP_NO_DEPS", "0")
    assert uv_module.unfollowed() == ["require-hashes"]


def test_the_table_of_the_docs_has_a_row_for_each_setting() -> None:
    page = (Path(__file__).parents[4] / "docs/packages.md").read_text(encoding="utf-8")
    table = page.partition("### pip's configuration")[2].partition("\n#")[0]
    rows = re.findall(r"^\| (`[^|]+) \| ([^|]+) \|$", table, re.M)
    quoted = re.compile("`([^`]+)`")
    followed = {name for names, what in rows if "not followed" not in what for name in quoted.findall(names)}
    others = {name for names, _what in rows for name in quoted.findall(names)} - followed
    assert followed == set(uv_module.FOLLOWED)
    assert others == set(uv_module.UNFOLLOWED)


def test_the_authorities_of_the_host_are_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uv_module, "_TRUSTED", str(tmp_path))
    assert uv_module.uv_environment({}, {})["SSL_CERT_FILE"] == str(tmp_path)
    assert uv_module.uv_environment({}, {"cert": "/own"})["SSL_CERT_FILE"] == "/own"


def test_what_the_environment_tells_uv_stays() -> None:
    environ = {"UV_DEFAULT_INDEX": "https://mine.example", "SSL_CERT_FILE": "/mine"}
    told = uv_module.uv_environment(environ, {"index-url": "https://other.example", "cert": "/x"})
    assert told == TOLD_ALWAYS


# When there is nothing to do


@pytest.fixture
def wanted(tmp_path: Path) -> _packages.Wanted:
    """An environment that is wanted, with requirement files that include each other."""
    (tmp_path / "requirements.txt").write_text("-r base.txt\n-c limits.txt\n")
    (tmp_path / "base.txt").write_text("asgiref\n")
    (tmp_path / "limits.txt").write_text("asgiref<4\n")
    return _packages.Wanted(
        venv=tmp_path / "state/venv",
        interpreter=Interpreter(sys.executable, (3, 11, 2), has_ensurepip=False),
        files=[tmp_path / "requirements.txt"],
        specs=["celery>=5.7,<6", "kombu>=5.7"],
        tools=tmp_path / "state/bin",
    )


def install(wanted: _packages.Wanted, check: bool, prove: Callable[[Path], None]) -> list[str]:
    """Installs as who runs this test."""
    return _packages.install(wanted, check, prove, Builder(os.geteuid(), os.getegid()))


def altered(wanted: _packages.Wanted, **values: Any) -> _packages.Wanted:
    """Returns the same with other values."""
    return _packages.Wanted(**{**vars(wanted), **values})


def test_the_fingerprint_is_of_what_decides(wanted: _packages.Wanted, tmp_path: Path) -> None:
    newer = Interpreter("/other/python3", (3, 12, 1), has_ensurepip=True)
    (tmp_path / "more.txt").write_text("six\n")
    others = [
        altered(wanted, interpreter=newer),
        altered(wanted, specs=["celery>=5.7,<6"]),
        altered(wanted, specs=["celery>=5.7,<6kombu>=5.7"]),
        altered(wanted, files=[]),
        altered(wanted, files=[*wanted.files, tmp_path / "more.txt"]),
    ]
    prints = {found.fingerprint() for found in (wanted, *others)}
    assert len(prints) == 1 + len(others)


def test_the_fingerprint_is_not_of_the_rest(wanted: _packages.Wanted, tmp_path: Path) -> None:
    patched = Interpreter("/other/python3", (3, 11, 9), has_ensurepip=True)
    other = altered(wanted, interpreter=patched, venv=tmp_path / "v", tools=tmp_path / "t")
    assert other.fingerprint() == wanted.fingerprint()


@pytest.mark.parametrize("name", ["requirements.txt", "base.txt", "limits.txt"])
def test_the_fingerprint_is_of_all_files(name: str, wanted: _packages.Wanted, tmp_path: Path) -> None:
    before = wanted.fingerprint()
    with (tmp_path / name).open("a") as file:
        file.write("# another line\n")
    assert wanted.fingerprint() != before


@pytest.mark.parametrize("content", ["asgiref\n", "asgiref", "asgiref\r\n", ""])
def test_the_fingerprint_is_not_of_our_own_lines(
    content: str, wanted: _packages.Wanted, tmp_path: Path
) -> None:
    (tmp_path / "base.txt").write_bytes(content.encode())
    before = wanted.fingerprint()
    (tmp_path / "base.txt").write_bytes(block.put(content.encode(), "celery>=5.7,<6"))
    assert wanted.fingerprint() == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can read what is somebody else's")
def test_root_reads_no_file_that_a_requirement_file_names(
    public_path: Path, give_away: Callable[[Path], Path], wanted: _packages.Wanted
) -> None:
    base, hidden = public_path / "base", public_path / "hidden.txt"
    base.mkdir()
    (base / "requirements.txt").write_text(f"-r {hidden}\nsix\n")
    hidden.write_text("one")
    hidden.chmod(0o600)
    give_away(base)
    foreign = altered(wanted, folder=base, files=[base / "requirements.txt"])
    before = foreign.fingerprint()
    hidden.write_text("two")
    assert foreign.fingerprint() == before
    hidden.chmod(0o644)
    assert foreign.fingerprint() != before


FAKE_UV = """#!{python} -IS
import json, os, pathlib, shutil, sys
here = pathlib.Path({folder!r})
answers = json.loads((here / "answers.json").read_text())
if sys.argv[1] == "--version":
    sys.exit(0)
call = {{"arguments": sys.argv[1:], "environ": dict(os.environ), "folder": os.getcwd()}}
with (here / "calls.jsonl").open("a") as calls:
    calls.write(json.dumps(call) + "\\n")
if sys.argv[1] == "venv":
    venv = pathlib.Path(sys.argv[-1])
    (venv / "bin").mkdir(parents=True, exist_ok=True)
    (venv / "lib/python3.11/site-packages").mkdir(parents=True, exist_ok=True)
    (venv / "bin/python").touch()
    (venv / "pyvenv.cfg").touch()
    sys.exit(0)
answer = answers[" ".join(sys.argv[1:3]) + (" --dry-run" if "--dry-run" in sys.argv else "")]
sys.stdout.write(answer.get("stdout", ""))
sys.stderr.write(answer.get("stderr", ""))
for name in answer.get("installs", []):
    venv = pathlib.Path(sys.argv[sys.argv.index("--python") + 1]).parents[1]
    (venv / "lib/python3.11/site-packages" / (name + ".dist-info")).mkdir(parents=True, exist_ok=True)
if answer.get("killed"):
    os.kill(os.getpid(), 9)
sys.exit(answer.get("status", 0))
"""


class FakeUv:
    """A uv on the PATH that answers with what was recorded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        program = folder / "uv"
        program.write_text(FAKE_UV.format(python=sys.executable, folder=str(folder)))
        program.chmod(0o755)

    def answers(self, **answers: Mapping[str, Any]) -> None:
        """Sets the answers to `pip compile`, `pip install` and `pip install --dry-run`."""
        named = {
            name.replace("_dry_run", " --dry-run").replace("_", " "): answer
            for name, answer in answers.items()
        }
        (self.folder / "answers.json").write_text(json.dumps(named))

    def calls(self) -> list[dict[str, Any]]:
        """Returns the calls so far."""
        log = self.folder / "calls.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


INSTALLED = {"stderr": recorded("install"), "installs": ["asgiref-3.8.1", "sqlparse-0.5.3"]}
FAILS = {"stderr": recorded("beat-and-django-6.1"), "status": 1}


@pytest.fixture
def uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeUv:
    """A host with uv and no settings of pip's."""
    for name in os.environ:
        if name.startswith(("PIP_", "UV_", "XDG_")) or name == "SSL_CERT_FILE":
            monkeypatch.delenv(name)
    (tmp_path / "home").mkdir()
    (tmp_path / "path").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")
    fake = FakeUv(tmp_path / "path")
    fake.answers(pip_install=INSTALLED)
    return fake


def accept(python: Path) -> None:
    """Accepts an environment."""
    assert python.exists()


def refuse(python: Path) -> None:
    """Accepts none."""
    raise RuntimeError("the project does not load")


def test_a_new_environment(uv: FakeUv, wanted: _packages.Wanted) -> None:
    changes = install(wanted, False, accept)
    assert changes == ["+asgiref==3.8.1", "+sqlparse==0.5.3"]
    assert _packages.installed(wanted.venv) == {"asgiref": "3.8.1", "sqlparse": "0.5.3"}
    environment = wanted.venv.resolve()
    assert environment.parent == _packages.sets_of(wanted.venv)
    make, fill = (call["arguments"] for call in uv.calls())
    assert make == ["venv", "--quiet", "--allow-existing", "--python", sys.executable, str(environment)]
    assert fill[-3:] == [f"-r{wanted.files[0]}", *wanted.specs]
    assert fill[fill.index("--python") + 1] == str(environment / "bin/python")


def test_relative_requirements_are_meant_from_the_checkout(
    uv: FakeUv, wanted: _packages.Wanted, tmp_path: Path
) -> None:
    install(altered(wanted, folder=tmp_path), False, accept)
    assert [call["folder"] for call in uv.calls()] == ["/", str(tmp_path)]


def test_no_configuration_of_a_folder_is_read(uv: FakeUv, wanted: _packages.Wanted, tmp_path: Path) -> None:
    install(wanted, False, accept)
    assert uv.calls()[-1]["environ"]["UV_NO_CONFIG"] == "1"
    own = tmp_path / "home/.config/uv/uv.toml"
    own.parent.mkdir(parents=True)
    own.touch()
    install(altered(wanted, specs=["other"]), False, accept)
    told = uv.calls()[-1]["environ"]
    assert told["UV_CONFIG_FILE"] == str(own)
    assert "UV_NO_CONFIG" not in told


def test_a_second_run_asks_nobody(uv: FakeUv, wanted: _packages.Wanted) -> None:
    install(wanted, False, accept)
    before = uv.calls()
    assert _packages.is_current(wanted)
    assert install(wanted, False, refuse) == []
    assert uv.calls() == before


@pytest.mark.parametrize("harm", ["requirement", "package", "record", "python", "more"])
def test_what_has_changed_is_seen(harm: str, uv: FakeUv, wanted: _packages.Wanted, tmp_path: Path) -> None:
    install(wanted, False, accept)
    packages = wanted.venv / "lib/python3.11/site-packages"
    match harm:
        case "requirement":
            (tmp_path / "base.txt").write_text("asgiref>3\n")
        case "package":
            (packages / "asgiref-3.8.1.dist-info").rename(packages / "asgiref-3.9.0.dist-info")
        case "record":
            (wanted.venv / ".celeriac.json").write_text("{")
        case "python":
            (wanted.venv / "bin/python").unlink()
        case "more":
            (packages / "six-1.0.dist-info").mkdir()
    assert not _packages.is_current(wanted)


def test_an_upgrade_is_told(uv: FakeUv, wanted: _packages.Wanted) -> None:
    install(wanted, False, accept)
    uv.answers(pip_install={"stderr": recorded("upgrade")})
    changes = install(altered(wanted, specs=["celery>=5.8"]), False, accept)
    assert changes == ["-asgiref==3.8.1", "+asgiref==3.13.0"]
    assert _packages.is_current(altered(wanted, specs=["celery>=5.8"]))
    assert [call["arguments"][0] for call in uv.calls()] == ["venv", "pip", "venv", "pip"]


def test_another_wording_of_the_same_packages_changes_nothing(uv: FakeUv, wanted: _packages.Wanted) -> None:
    install(wanted, False, accept)
    uv.answers(pip_install={"stderr": recorded("nothing-to-do")})
    assert install(altered(wanted, specs=["celery<6,>=5.7"]), False, accept) == []


def test_what_runs_keeps_its_packages(uv: FakeUv, wanted: _packages.Wanted) -> None:
    install(wanted, False, accept)
    before = wanted.venv.resolve()
    (before / "bin/celery").write_text(f"#!{before}/bin/python\n")
    uv.answers(pip_install={"stderr": recorded("upgrade"), "installs": ["six-1.0"]})
    install(altered(wanted, specs=["celery>=5.8"]), False, accept)
    after = wanted.venv.resolve()
    assert after != before
    assert "six" not in _packages.installed(before)
    # What was there and is still wanted was not fetched again.
    assert set(_packages.installed(after)) == {"asgiref", "sqlparse", "six"}
    assert (after / "bin/celery").read_text() == f"#!{after}/bin/python\n"
    assert (before / "bin/celery").read_text() == f"#!{before}/bin/python\n"


@pytest.mark.parametrize("used", [True, False])
def test_an_old_environment_stays_as_long_as_it_is_used(
    used: bool, uv: FakeUv, wanted: _packages.Wanted
) -> None:
    install(wanted, False, accept)
    first = wanted.venv.resolve()
    # As the launcher of the units does.
    with open(first / "pyvenv.cfg", encoding="utf-8") as holder:
        if used:
            fcntl.flock(holder, fcntl.LOCK_SH)
        uv.answers(pip_install={"stderr": recorded("upgrade")})
        for spec in ("celery>=5.8", "celery>=5.9"):
            install(altered(wanted, specs=[spec]), False, accept)
    assert first.exists() == used
    assert len(list(_packages.sets_of(wanted.venv).glob("[0-9a-f]*"))) == (3 if used else 2)


def test_an_environment_whose_python_went_away_is_made_anew(uv: FakeUv, wanted: _packages.Wanted) -> None:
    install(wanted, False, accept)
    (wanted.venv / "bin/python").unlink()
    shutil.rmtree(wanted.venv.resolve() / "bin")
    shutil.rmtree(wanted.venv.resolve() / "lib")
    assert install(wanted, False, accept)
    assert _packages.is_current(wanted)


def test_a_check_of_a_new_environment_makes_nothing(
    uv: FakeUv, wanted: _packages.Wanted, tmp_path: Path
) -> None:
    uv.answers(pip_compile={"stdout": "asgiref==3.8.1\n# a remark\nsqlparse==0.5.3\n"})
    changes = install(wanted, True, refuse)
    assert changes == ["+asgiref==3.8.1", "+sqlparse==0.5.3"]
    assert not (tmp_path / "state").exists()


def test_a_check_of_an_environment_is_a_dry_run(uv: FakeUv, wanted: _packages.Wanted) -> None:
    install(wanted, False, accept)
    uv.answers(pip_install_dry_run={"stderr": recorded("dry-run")})
    changes = install(altered(wanted, specs=["django"]), True, refuse)
    assert changes == ["+asgiref==3.13.0", "+django==5.2.19", "+sqlparse==0.6.1"]
    assert not _packages.is_current(altered(wanted, specs=["django"]))


@pytest.mark.parametrize(
    ("name", "changes"),
    [("local", ["+local-thing"]), ("reinstall", ["~asgiref==3.13.0"]), ("nothing-to-do", [])],
)
def test_all_kinds_of_changes_are_told(
    name: str, changes: list[str], uv: FakeUv, wanted: _packages.Wanted
) -> None:
    install(wanted, False, accept)
    uv.answers(pip_install_dry_run={"stderr": recorded(name)})
    assert install(altered(wanted, specs=["other"]), True, refuse) == changes


def test_what_cannot_be_solved_leaves_no_new_environment(
    uv: FakeUv, wanted: _packages.Wanted, tmp_path: Path
) -> None:
    uv.answers(pip_install=FAILS)
    with pytest.raises(_packages.PackagesError, match=r"Django<6\.1"):
        install(wanted, False, accept)
    assert not (tmp_path / "state").exists()


def test_what_cannot_be_solved_is_known_to_a_check(uv: FakeUv, wanted: _packages.Wanted) -> None:
    uv.answers(pip_compile=FAILS)
    with pytest.raises(_packages.PackagesError, match=r"Django<6\.1"):
        install(wanted, True, refuse)


def test_a_failed_proof_leaves_no_new_environment(
    uv: FakeUv, wanted: _packages.Wanted, tmp_path: Path
) -> None:
    (tmp_path / "state").mkdir()
    with pytest.raises(RuntimeError):
        install(wanted, False, refuse)
    assert list((tmp_path / "state").iterdir()) == []


def test_a_failure_leaves_an_old_environment_to_be_tried_again(uv: FakeUv, wanted: _packages.Wanted) -> None:
    install(wanted, False, accept)
    more = altered(wanted, specs=["django>=6.1"])
    uv.answers(pip_install=FAILS)
    with pytest.raises(_packages.PackagesError):
        install(more, False, accept)
    assert _packages.is_ours(wanted.venv)
    assert _packages.installed(wanted.venv) == {"asgiref": "3.8.1", "sqlparse": "0.5.3"}
    assert not _packages.is_current(more)


def test_an_environment_of_others_is_not_ours_to_remove(tmp_path: Path) -> None:
    (tmp_path / "venv/bin").mkdir(parents=True)
    (tmp_path / "venv/bin/python").touch()
    assert not _packages.is_ours(tmp_path / "venv")


@pytest.mark.parametrize("key", ["index-url", "index_url"])
@pytest.mark.parametrize("section", ["global", "install"])
def test_the_files_of_pip_are_read(
    section: str, key: str, uv: FakeUv, wanted: _packages.Wanted, tmp_path: Path
) -> None:
    folder = tmp_path / "home/.config/pip"
    folder.mkdir(parents=True)
    (folder / "pip.conf").write_text(f"[{section}]\n{key} = https://mine.example/%7Euser\n")
    install(wanted, False, accept)
    assert uv.calls()[-1]["environ"]["UV_DEFAULT_INDEX"] == "https://mine.example/%7Euser"


def test_the_environment_of_pip_wins(
    uv: FakeUv, wanted: _packages.Wanted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://file.example\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("PIP_INDEX_URL", "https://environ.example")
    install(wanted, False, accept)
    assert uv.calls()[-1]["environ"]["UV_DEFAULT_INDEX"] == "https://environ.example"


# Where uv comes from


@pytest.fixture
def no_uv(uv: FakeUv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeUv:
    """A host without uv."""
    monkeypatch.setenv("PATH", str(tmp_path / "home"))
    return uv


def test_a_check_without_uv_tells_the_specs(no_uv: FakeUv, wanted: _packages.Wanted) -> None:
    assert install(wanted, True, refuse) == ["+celery>=5.7,<6", "+kombu>=5.7"]
    assert not wanted.tools.exists()


def test_the_own_copy_of_uv_is_used(no_uv: FakeUv, wanted: _packages.Wanted) -> None:
    wanted.tools.mkdir(parents=True)
    shutil.copy2(no_uv.folder / "uv", wanted.tools / "uv")
    assert install(wanted, False, accept)


def test_no_uv_and_no_pip_is_a_clear_error(no_uv: FakeUv, wanted: _packages.Wanted, tmp_path: Path) -> None:
    with pytest.raises(_packages.PackagesError, match="python3-venv"):
        install(wanted, False, accept)
    assert not (tmp_path / "state").exists()


def test_a_pip_that_fails_is_told_and_leaves_nothing(
    no_uv: FakeUv, wanted: _packages.Wanted, tmp_path: Path
) -> None:
    python = tmp_path / "python3"
    python.write_text("#!/bin/sh\necho one >&2; echo two >&2; echo three >&2; echo four >&2; exit 1\n")
    python.chmod(0o755)
    broken = altered(wanted, interpreter=Interpreter(str(python), (3, 11, 2), has_ensurepip=True))
    with pytest.raises(_packages.PackagesError, match="package index: two / three / four"):
        install(broken, False, accept)
    assert not (tmp_path / "state").exists()


def test_versions_are_those_of_the_first_environment_with_django(tmp_path: Path) -> None:
    for venv, infos in (
        ("a", ["celery-5.4.0"]),
        ("b", ["Django-5.2.1", "celery-5.7.0"]),
        ("c", ["django-6.0"]),
    ):
        for info in infos:
            (tmp_path / venv / "lib/python3.11/site-packages" / f"{info}.dist-info").mkdir(parents=True)
    assert _packages.versions([str(tmp_path / venv) for venv in ("gone", "a", "b", "c")]) == {
        "django": "5.2.1",
        "celery": "5.7.0",
    }
    assert _packages.versions([str(tmp_path / "gone")]) == {}


def killed(wanted: _packages.Wanted, made: bool) -> None:
    """Leaves what a run leaves that was killed while uv was installing."""
    (wanted.venv / "bin").mkdir(parents=True, exist_ok=True)
    (wanted.venv / "bin/python").touch()
    (wanted.venv / ".celeriac.json").write_text(json.dumps({"made": made, "installing": True}))


def test_an_environment_that_was_torn_is_made_anew(uv: FakeUv, wanted: _packages.Wanted) -> None:
    killed(wanted, made=True)
    (wanted.venv / "lib/python3.11/site-packages/torn-1.0.dist-info").mkdir(parents=True)
    assert install(wanted, False, accept)
    assert wanted.venv.is_symlink()
    assert "torn" not in _packages.installed(wanted.venv)
    assert _packages.is_current(wanted)
    assert _packages.is_ours(wanted.venv)


def test_a_uv_that_is_killed_leaves_the_environment_in_use(uv: FakeUv, wanted: _packages.Wanted) -> None:
    install(wanted, False, accept)
    before = wanted.venv.resolve()
    more = altered(wanted, specs=["django"])
    uv.answers(pip_install={"installs": ["django-5.2"], "killed": True})
    with pytest.raises(_packages.PackagesError):
        install(more, False, accept)
    assert wanted.venv.resolve() == before
    assert _packages.is_current(wanted)
    uv.answers(pip_install={"stderr": recorded("upgrade"), "installs": ["django-5.2"]})
    assert install(more, False, accept)
    assert _packages.is_current(more)


def test_what_a_killed_run_left_is_removed_by_the_next(uv: FakeUv, wanted: _packages.Wanted) -> None:
    sets = _packages.sets_of(wanted.venv)
    (sets / "0123456789ab/bin").mkdir(parents=True)
    (sets / "build-x").mkdir()
    (sets / ".celeriac").touch()
    install(wanted, False, accept)
    assert sorted(path.name for path in sets.iterdir()) == [".celeriac", wanted.venv.resolve().name]


def test_the_second_of_two_runs_waits_and_finds_nothing_to_do(uv: FakeUv, wanted: _packages.Wanted) -> None:
    started, answers = threading.Event(), []

    def slowly(python: Path) -> None:
        second.start()
        started.wait(10)

    def again() -> None:
        started.set()
        answers.append(install(wanted, False, refuse))

    second = threading.Thread(target=again)
    assert install(wanted, False, slowly)
    second.join(60)
    assert answers == [[]]


def test_a_torn_environment_of_somebody_else_is_installed_again(uv: FakeUv, wanted: _packages.Wanted) -> None:
    killed(wanted, made=False)
    uv.answers(pip_install=INSTALLED, pip_install_dry_run={})
    assert install(wanted, False, accept)
    assert [call["arguments"][0] for call in uv.calls()] == ["pip", "pip"]
    assert "--reinstall" in uv.calls()[1]["arguments"]
    assert not _packages.is_ours(wanted.venv)
    assert not _packages.sets_of(wanted.venv).exists()


def test_the_mark_of_a_torn_environment_stays_until_an_installation_succeeds(
    uv: FakeUv, wanted: _packages.Wanted
) -> None:
    (wanted.venv / "bin").mkdir(parents=True)
    (wanted.venv / "bin/python").touch()
    uv.answers(pip_install={"killed": True}, pip_install_dry_run={})
    with pytest.raises(_packages.PackagesError, match="may have been changed in part"):
        install(wanted, False, accept)
    uv.answers(pip_install=INSTALLED, pip_install_dry_run={})
    install(wanted, False, accept)
    assert "--reinstall" in uv.calls()[-1]["arguments"]
    assert _packages.is_current(wanted)


@pytest.mark.parametrize("place", ["venv", "venv.d"])
def test_a_folder_of_somebody_else_is_refused(
    place: str, uv: FakeUv, wanted: _packages.Wanted, tmp_path: Path
) -> None:
    (tmp_path / "state" / place).mkdir(parents=True)
    (tmp_path / "state" / place / "thesis.txt").touch()
    with pytest.raises(_packages.PackagesError, match="somebody else's"):
        install(wanted, False, accept)
    assert (tmp_path / "state" / place / "thesis.txt").exists()


def test_an_interrupted_copy_of_uv_is_fetched_again(
    no_uv: FakeUv, wanted: _packages.Wanted, tmp_path: Path
) -> None:
    wanted.tools.mkdir(parents=True)
    (wanted.tools / "uv").write_bytes(b"\x7fELF")
    (wanted.tools / "uv").chmod(0o755)
    python = tmp_path / "python3"
    python.write_text(
        '#!/bin/sh\ncase "$*" in *--target*) '
        f"/bin/mkdir bin; /bin/cp {no_uv.folder}/uv bin/uv;; *) echo /usr/pip.whl;; esac\n"
    )
    python.chmod(0o755)
    other = altered(wanted, interpreter=Interpreter(str(python), (3, 11, 2), has_ensurepip=True))
    assert install(other, False, accept)
    assert (wanted.tools / "uv").read_bytes() == (no_uv.folder / "uv").read_bytes()


def test_no_index_is_told(uv: FakeUv, wanted: _packages.Wanted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "yes")
    install(wanted, False, accept)
    assert uv.calls()[-1]["arguments"][:3] == ["pip", "install", "--no-index"]


def test_an_environment_that_others_can_write_to_is_refused(uv: FakeUv, wanted: _packages.Wanted) -> None:
    (wanted.venv / "bin").mkdir(parents=True)
    (wanted.venv / "bin/python").touch()
    wanted.venv.chmod(0o775)
    with pytest.raises(_packages.PackagesError, match="chmod go-w"):
        install(wanted, False, accept)
    assert uv.calls() == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can build as somebody else")
def test_root_builds_nothing_for_its_own_environment_either(uv: FakeUv, wanted: _packages.Wanted) -> None:
    (wanted.venv / "bin").mkdir(parents=True)
    (wanted.venv / "bin/python").touch()
    uv.answers(pip_install=INSTALLED, pip_install_dry_run={})
    _packages.install(wanted, False, accept, Builder(65534, 65534))
    for call in uv.calls():
        assert "--only-binary" in call["arguments"]


def test_the_versions_of_a_lock_are_kept(uv: FakeUv, wanted: _packages.Wanted, tmp_path: Path) -> None:
    lock = tmp_path / "uv.lock"
    lock.write_text(
        'version = 1\n\n[[package]]\nname = "django"\nversion = "5.2.1"\nsource = { registry = "x" }\n'
    )
    (tmp_path / "pyproject.toml").write_text('[project]\ndependencies = ["django"]\n')
    locked = altered(wanted, files=[tmp_path / "pyproject.toml"], lock=lock)
    assert install(locked, False, accept)
    fill = uv.calls()[-1]["arguments"]
    assert f"-r{tmp_path / 'pyproject.toml'}" in fill
    assert [word for word in fill if word.startswith("-c") and word.endswith("/locked.txt")]
    assert install(locked, False, accept) == []
    # Another version in it is another environment.
    before = locked.fingerprint()
    lock.write_text(lock.read_text().replace("5.2.1", "5.2.2"))
    assert locked.fingerprint() != before


def test_another_form_is_said_in_pips(uv: FakeUv, wanted: _packages.Wanted, tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text('[tool.poetry.dependencies]\ndjango = "~4.2"\n')
    poetry = altered(wanted, files=[file])
    assert install(poetry, False, accept)
    assert [word for word in uv.calls()[-1]["arguments"] if word.endswith("/requirements-0.txt")]
    file.write_text('[tool.poetry.dependencies]\ndjango = "^4 || ^5"\n')
    with pytest.raises(_packages.PackagesError, match=r"django has alternatives.*celery_requirements"):
        install(poetry, False, accept)


def test_what_a_refused_project_leaves_is_hidden_with_its_folder(
    uv: FakeUv, wanted: _packages.Wanted, tmp_path: Path
) -> None:
    """The link and what it leads to are for the next run; nothing else hides them if this one ends early."""
    (tmp_path / "shop/.git").mkdir(parents=True)
    inside = altered(wanted, venv=tmp_path / "shop/.celery/venv", tools=tmp_path / "shop/.celery/bin")
    assert install(inside, False, accept)
    assert (tmp_path / "shop/.celery/.gitignore").read_text() == "*\n"
    assert inside.venv.is_symlink()


def test_a_failure_takes_the_folder_with_it(uv: FakeUv, wanted: _packages.Wanted, tmp_path: Path) -> None:
    (tmp_path / "shop/.git").mkdir(parents=True)
    inside = altered(wanted, venv=tmp_path / "shop/.celery/venv", tools=tmp_path / "shop/.celery/bin")
    with pytest.raises(RuntimeError, match="does not load"):
        install(inside, False, refuse)
    assert not (tmp_path / "shop/.celery").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can build as somebody else")
def test_what_is_fetched_for_us_by_somebody_else_goes_with_the_deployment(tmp_path: Path) -> None:
    tools, other = tmp_path / "bin", Builder(65534, 65534)
    planned = _packages._cache(tools, other, tmp_path, make=False)
    assert planned == str(tmp_path / "cache")
    assert not tools.exists()
    place = Path(_packages._cache(tools, other, tmp_path))
    assert place.parent == tools
    assert (place.stat().st_uid, place.stat().st_mode & 0o777) == (65534, 0o700)
    assert _packages._cache(tools, other, tmp_path, make=False) == str(place)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can build as somebody else")
def test_root_makes_no_cache_where_somebody_else_could_put_a_link(tmp_path: Path) -> None:
    tools = tmp_path / "checkout/.celery/bin"
    tools.mkdir(parents=True)
    os.chown(tmp_path / "checkout", 65534, 65534)
    assert _packages._cache(tools, Builder(65534, 65534), tmp_path) == str(tmp_path / "cache")
    assert not list(tools.iterdir())


def test_who_builds_for_themselves_keeps_their_cache(tmp_path: Path) -> None:
    assert _packages._cache(tmp_path, Builder(os.geteuid(), os.getegid()), tmp_path) == ""


@pytest.mark.parametrize(("said", "told"), [("", "/ours"), ("/theirs", "/theirs")])
def test_a_cache_that_the_environment_names_stays(
    said: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", said)
    us = Builder(os.geteuid(), os.getegid())
    assert uv_module.Uv.on_host("uv", us, tmp_path, "/ours").environ["UV_CACHE_DIR"] == told


BUILD = """Resolved 25 packages in 1.45s
error: Failed to build `ldap-like @ file:///srv/shop/vendor/ldap`
  Caused by: The build backend returned an error
  Caused by: Call to `setuptools.build_meta.build_wheel` failed (exit status: 1)

[stdout]
running bdist_wheel
{noise}
[stderr]
Modules/common.h:15:10: fatal error: lber.h: No such file or directory
   15 | #include <lber.h>
error: command '/usr/bin/gcc' failed with exit code 1

hint: This error likely indicates that you need to install a library that provides "lber.h" for `ldap-like`
"""


@pytest.mark.parametrize(
    ("output", "cause"),
    [
        (BUILD, "Modules/common.h:15:10: fatal error: lber.h: No such file or directory."),
        (
            "error: Failed to build `mysqlclient==2.2.4`\n[stderr]\n/bin/sh: 1: pkg-config: not found\n"
            "Exception: Can not find valid pkg-config name.\n",
            "/bin/sh: 1: pkg-config: not found.",
        ),
        (
            "x Failed to build `old==1.0`\n[stderr]\nModuleNotFoundError: No module named 'numpy'\n",
            "ModuleNotFoundError: No module named 'numpy'.",
        ),
    ],
)
def test_what_does_not_build_is_said_with_its_cause_and_not_with_all_of_the_output(
    output: str, cause: str
) -> None:
    text = uv_module.explain(output.replace("{noise}", "creating build/lib\n" * 400))
    assert cause in text[:600]
    assert "does not build: " in text
    assert "Install what it needs on the host" in text
    assert len(text) < 1500


def test_what_cannot_be_fetched_is_not_called_unbuildable() -> None:
    text = uv_module.explain(
        "error: Failed to download and build `push @ git+https://example.org/push.git@22fda`\n"
        "  Caused by: Git operation failed\n  Caused by: failed to clone into: cache/git-v0/db/1\n"
        "  Caused by: process didn't exit successfully: `git fetch` (exit status: 128)\n"
        "fatal: unable to access 'https://example.org/push.git/': Could not resolve host: example.org\n"
    )
    assert "does not build" not in text
    assert "Could not resolve host: example.org" in text


def test_another_python_is_advised() -> None:
    text = uv_module.explain(
        "No solution found when resolving dependencies:\nBecause the current Python version (3.11.2) does "
        "not satisfy Python>=3.12 and django>=6.0 depends on it, your requirements are unsatisfiable."
    )
    assert "Set celery_python to a Python of this host that fits" in text
