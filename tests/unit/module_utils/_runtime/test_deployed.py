# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host knows of its deployments without their checkouts, and where root makes nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._runtime import deployed
from ansible_collections.celeriac.django.plugins.module_utils._runtime.deployed import Deployed

Write = Callable[[Path, Mapping[str, str]], Path]
RECORD = "shop/celery_ops/integration.json"
SHOP = Deployed("shop", "/srv/shop", "/srv/shop/web", RECORD, "shop.settings", "/var/lib/shop-celery")


def setup(**values: object) -> str:
    """Returns the configuration of the commands for people."""
    told = {"path": "/srv/shop", "record": RECORD, "settings": "shop.settings"}
    return json.dumps({"base": "/srv/shop/web", "deployed": {**told, "state": SHOP.state, **values}})


def test_a_host_knows_its_deployments(tmp_path: Path, write_tree: Write) -> None:
    files = {
        "shop-celery/operate.json": setup(),
        "other/operate.json": setup(),
        "old-celery/operate.json": "{}",
    }
    write_tree(tmp_path, files)
    assert deployed.there(tmp_path) == [SHOP]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("kind", ["owner", "link"])
def test_a_record_of_somebody_else_says_nothing(kind: str, tmp_path: Path, write_tree: Write) -> None:
    write_tree(tmp_path, {"shop-celery/operate.json": setup(), "planted": setup()})
    file = tmp_path / "shop-celery/operate.json"
    if kind == "owner":
        os.chown(file, 12345, 12345)
    else:
        file.unlink()
        file.symlink_to(tmp_path / "planted")
    assert deployed.there(tmp_path) == []


def test_a_checkout_is_deployed_once() -> None:
    deployed.see_no_other("shop", SHOP.base, removing=False, found=[SHOP])
    deployed.see_no_other("store", "/srv/store", removing=False, found=[SHOP])
    with pytest.raises(deployed.DeployedError, match=r"as shop.*two beats.*celery_project_name: shop, or"):
        deployed.see_no_other("store", SHOP.base, removing=False, found=[SHOP])


def test_a_removal_by_the_wrong_name_is_refused() -> None:
    with pytest.raises(deployed.DeployedError, match=r"Nothing was removed.*celery_project_name: shop"):
        deployed.see_no_other("store", SHOP.base, removing=True, found=[SHOP])
    both = [SHOP, Deployed("store", SHOP.path, SHOP.base, RECORD, "", "")]
    deployed.see_no_other("store", SHOP.base, removing=True, found=both)


@pytest.mark.parametrize(
    ("name", "path", "known"),
    [
        ("shop", "/gone", "shop"),
        ("", "/srv/shop", "shop"),
        ("", "/srv/shop/web", "shop"),
        ("", "/gone", None),
    ],
)
def test_a_deployment_is_known_by_its_name_or_its_checkout(name: str, path: str, known: str | None) -> None:
    found = deployed.of(name, path, [SHOP])
    assert (found and found.name) == known


def test_a_deployment_of_which_nothing_is_written_down_goes_by_its_name() -> None:
    found = deployed.of("store", "/gone", [SHOP])
    assert found
    project = deployed.project_of(found)
    assert (project.recorded_name, project.path, project.integrated) == ("store", "/gone", True)


def test_the_record_of_the_checkout_is_found_without_looking_at_it() -> None:
    project = deployed.project_of(SHOP)
    assert (project.path, project.base, project.package_path) == (
        "/srv/shop",
        "/srv/shop/web",
        "/srv/shop/shop",
    )


# Places that somebody has chosen


def test_a_folder_of_our_own_or_an_empty_one_can_be_ours(tmp_path: Path, write_tree: Write) -> None:
    deployed.see_that_state_is_ours(str(tmp_path / "new"), [])
    write_tree(tmp_path / "other", {"thesis.txt": ""})
    deployed.see_that_state_is_ours(str(tmp_path / "other"), [])
    write_tree(tmp_path / "first", {"bin/uv": "", "bin/.gitignore": ""})
    deployed.see_that_state_is_ours(str(tmp_path / "first"), [])
    write_tree(tmp_path / "ours", {"bin/uv": "", "secrets": "", deployed.MARK: ""})
    deployed.see_that_state_is_ours(str(tmp_path / "ours"), [])
    write_tree(tmp_path / "older", {"run/beat-schedule": ""})
    older = Deployed("shop", "", "", "", "", str(tmp_path / "older"))
    deployed.see_that_state_is_ours(str(tmp_path / "older"), [older])


@pytest.mark.parametrize("name", ["bin/backup.sh", "secrets/tls.key", "run/pid", "environment"])
def test_what_somebody_has_there_is_not_taken_for_ours(name: str, tmp_path: Path, write_tree: Write) -> None:
    write_tree(tmp_path / "opt", {name: ""})
    taken = name.partition("/")[0]
    with pytest.raises(deployed.DeployedError, match=rf"has {taken} already.*/opt/celery"):
        deployed.see_that_state_is_ours(str(tmp_path / "opt"), [])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is refused")
def test_root_makes_nothing_below_what_is_somebody_elses(
    public_path: Path, give_away: Callable[[Path], Path]
) -> None:
    (public_path / "home/.venv/bin").mkdir(parents=True)
    (public_path / "home/.venv/bin/python").touch()
    give_away(public_path / "home")
    with pytest.raises(deployed.DeployedError, match=r"celery_state_path.*/home is not root's alone"):
        deployed.see_that_state_is_ours(str(public_path / "home/state"), [])
    with pytest.raises(deployed.DeployedError, match="python3 -m venv"):
        deployed.see_that_venv_can_be_made(str(public_path / "home/new"))
    deployed.see_that_venv_can_be_made(str(public_path / "home/.venv"))
    deployed.see_that_venv_can_be_made(str(public_path / "venv"))


def test_a_release_is_no_checkout_in_place(tmp_path: Path) -> None:
    release = tmp_path / "releases/20261130-140501-3f2a91c0de"
    (release / ".celeriac").mkdir(parents=True)
    link = tmp_path / "current"
    link.symlink_to(release)
    deployed.see_that_it_is_no_release(str(link))
    (release / ".celeriac/release.json").touch()
    with pytest.raises(deployed.DeployedError, match=r"current is a release .*Run deploy\.yml"):
        deployed.see_that_it_is_no_release(str(link))
