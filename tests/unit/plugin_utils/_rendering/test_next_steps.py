# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""At its end, a run says what runs now, how to start it, and what the web process needs."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.celeriac.django.plugins.module_utils._deployment import Deployment
from ansible_collections.celeriac.django.plugins.plugin_utils._rendering.next_steps import (
    next_steps,
    what_stays,
)


def test_what_the_web_process_needs_is_said(deployment: Deployment) -> None:
    text = "\n".join(next_steps(deployment, False))
    assert "EnvironmentFile=/etc/shop-celery/secrets" in text
    assert "shop-celery.target" in text


def test_where_nothing_runs_it_is_said_how_to_start(deployment: Deployment) -> None:
    by_hand = replace(deployment, run=replace(deployment.run, systemd=False))
    text = "\n".join(next_steps(by_hand, False))
    assert text.startswith("Nothing runs now")
    assert "manage.py celery worker" in text
    places = replace(by_hand.places, config="/srv/shop/.celery", python="/srv/shop/.celery/venv/bin/python")
    short = next_steps(replace(by_hand, places=places), False)
    assert short[1:] == [
        "  cd /srv/shop && set -a && . .celery/environment && . .celery/secrets && set +a",
        "  .celery/venv/bin/python manage.py celery worker -l info",
    ]
    code = replace(deployment.code, integrate=False, app="shop.celery:app")
    own = "\n".join(next_steps(replace(by_hand, code=code), False))
    assert "-m celery -A shop.celery:app worker" in own


def test_check_mode_claims_nothing(deployment: Deployment) -> None:
    assert next_steps(deployment, True)[0].startswith("Workers and beat would run as units")
    idle = replace(deployment, run=replace(deployment.run, duties=()))
    assert next_steps(idle, True) == []


def test_a_removal_lists_what_it_leaves(deployment: Deployment) -> None:
    text = "\n".join(what_stays(deployment, ["celery_broker"]))
    assert "tables that migrations have made" in text
    assert "the server of the group celery_broker" in text
    assert "the user" not in text.replace("project's user", "")
    assert "journal" in text


def test_what_was_there_before_is_named(deployment: Deployment) -> None:
    others = replace(deployment, account=replace(deployment.account, is_ours=False, name="www-data"))
    assert "  - the user www-data, who was there before" in what_stays(others, [])
    by_hand = replace(others, run=replace(others.run, systemd=False))
    assert "www-data" not in str(what_stays(by_hand, []))
    assert "uv cache clean" in str(what_stays(by_hand, []))
