"""Questions have a recommendation that fits what was found, and the answers become an inventory."""

from __future__ import annotations

import os.path
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.celeriac.django.plugins.plugin_utils import _broker, _choices, _deployment

PASSWORD = "s3cret"  # noqa: S105 - of nobody
PROJECT: dict[str, Any] = {
    "path": "/home/me/shop",
    "base": "/home/me/shop",
    "package": "shop",
    "settings": "shop.settings.production",
    "settings_source": "shop/wsgi.py:7",
    "settings_places": [{"file": "/home/me/shop/shop/settings/base.py", "why": "all import it"}],
    "installed_apps": ["django.contrib.admin", "catalog", "orders"],
    "apps": {"catalog": "/home/me/shop/catalog", "orders": "/home/me/shop/orders"},
    "database": "sqlite3",
    "environment": {},
    "requirements": ["requirements.txt"],
    "celery_app": None,
    "integrated": False,
    "tasks": {"orders.tasks.send": "orders/tasks.py:3"},
}
OWN_APP = {"module": "shop.celery", "variable": "app", "place": "shop/celery.py:3"}


def find(
    versions: dict[str, str] | None = None, *, project: dict[str, Any] | None = None, **given: Any
) -> _choices.Found:
    """Returns what is known: the plain project with these differences, and these variables."""
    return _choices.Found({**PROJECT, **(project or {})}, versions or {}, given)


def settle(found: _choices.Found, *typed: str) -> dict[str, _choices.Value]:
    """Returns the answers where these lines are typed; the rest is Enter."""
    lines: Iterator[str] = iter(typed)
    return _choices.values_of(_choices.settle(found, lambda _text: next(lines, "")))


def written(found: _choices.Found) -> dict[str, Any]:
    """Returns the files as data, for the recommendations and the variables."""
    values = _choices.values_of(_choices.settle(found, None))
    return {name: yaml.safe_load(text) for name, text in _choices.render(found, values).items()}


# What is recommended


def test_a_plain_project_is_tried_on_this_machine() -> None:
    assert settle(find()) == {
        "celery_init_hosts": ["localhost"],
        "celery_init_broker": "embedded",
        "celery_init_periodic": True,
        "celery_beat_scheduler": "database",
        "celery_result_backend": "django-db",
        "celery_project_sample_apps": [],
    }


def test_other_hosts_get_a_redis() -> None:
    values = settle(find(celery_init_hosts=["web1"]))
    assert (values["celery_init_broker"], values["celery_init_host_path"]) == ("redis", "/srv/shop")


@pytest.mark.parametrize(
    ("project", "versions", "why"),
    [
        ({"installed_apps": ["django.contrib.admindocs", "orders"]}, {}, "no admin"),
        ({}, {"django": "6.1.3"}, "Django 6.1.3"),
        ({}, {"django": "10.0"}, "Django 10.0"),
    ],
)
def test_schedules_stay_in_the_code(project: dict[str, Any], versions: dict[str, str], why: str) -> None:
    answers = _choices.settle(find(versions, project=project), None)
    (answer,) = (answer for answer in answers if answer.question.variable == "celery_beat_scheduler")
    assert answer.value == "file"
    assert why in answer.question.reason


def test_an_older_django_keeps_its_schedules_in_the_database() -> None:
    assert settle(find({"django": "5.2.19"}))["celery_beat_scheduler"] == "database"


def test_every_recommendation_is_an_answer() -> None:
    for hosts in (["localhost"], ["web1"], ["web1", "web2"]):
        for answer in _choices.settle(find(celery_init_hosts=hosts), None):
            question = answer.question
            assert question.reason
            assert question.read(question, _choices.shown(question.recommended)) == question.recommended


# What is asked


def test_what_is_set_is_not_asked() -> None:
    texts: list[str] = []

    def ask(text: str) -> str:
        texts.append(text)
        return ""

    answers = _choices.settle(find(celery_result_backend="none", celery_init_periodic=False), ask)
    sources = {answer.question.variable: answer.source for answer in answers}
    assert sources["celery_result_backend"] == sources["celery_init_periodic"] == "given"
    assert sources["celery_init_hosts"] == "recommended"
    assert not any("celery_result_backend" in text or "celery_init_periodic" in text for text in texts)


def test_a_prompt_has_the_choices_and_the_reason() -> None:
    texts: list[str] = []
    _choices.settle(find(), lambda text: texts.append(text) or "")  # type: ignore[func-returns-value]
    (text,) = (text for text in texts if "celery_result_backend" in text)
    assert "database   another database" in text
    assert "Recommended: django-db." in text
    assert max(len(line) for line in text.splitlines()) <= 110


def test_a_wrong_answer_is_asked_again() -> None:
    texts: list[str] = []
    lines = iter(["", "carrot", "url"])

    def ask(text: str) -> str:
        texts.append(text)
        return next(lines, "")

    values = _choices.values_of(_choices.settle(find(), ask))
    assert values["celery_init_broker"] == "url"
    assert "'carrot'" in texts[2]
    assert "embedded, url, redis" in texts[2]


def test_nobody_is_asked_twice_where_there_is_no_terminal() -> None:
    count = 0

    def ask(_text: str) -> str:
        nonlocal count
        count += 1
        raise _choices.NoTerminalError

    answers = _choices.settle(find(), ask)
    assert count == 1
    assert {answer.source for answer in answers} == {"recommended"}


def test_without_periodic_tasks_no_scheduler_is_asked_for() -> None:
    found = find(celery_init_periodic=False, celery_beat_scheduler="database")
    answers = _choices.settle(found, None)
    assert "celery_beat_scheduler" not in _choices.values_of(answers)
    assert _choices.unused(found, answers) == ["celery_beat_scheduler"]


def test_a_project_with_its_own_app_is_asked_little() -> None:
    own = {"celery_app": OWN_APP}
    assert list(settle(find(project=own))) == ["celery_init_hosts", "celery_init_periodic"]
    # Several hosts need a broker that integrate.yml knows.
    hosts = settle(find(project=own, celery_init_hosts=["a1", "a2"]))
    assert hosts["celery_init_broker"] == "redis"
    # With ours beside it, everything is to be chosen again.
    assert "celery_result_backend" in settle(find(project=own, celery_project_integrate="always"))
    assert "celery_result_backend" in settle(find(project={**own, "integrated": True}))


def test_our_own_app_gets_no_samples() -> None:
    apps = {"shop.celery_ops": "/home/me/shop/shop/celery_ops"}
    assert "celery_project_sample_apps" not in settle(find(project={"apps": apps}))


# How answers are read


@pytest.mark.parametrize(
    ("variable", "typed", "value"),
    [
        ("celery_init_hosts", "app1.example, app2.example app1.example", ["app1.example", "app2.example"]),
        ("celery_init_hosts", ["10.0.0.1"], ["10.0.0.1"]),
        ("celery_init_periodic", "No", False),
        ("celery_init_periodic", True, True),
        ("celery_beat_scheduler", "redbeat", "redbeat"),
        ("celery_beat_scheduler", "shop.beat:Scheduler", "shop.beat:Scheduler"),
        ("celery_result_backend", "redis://results.example/1", "redis://results.example/1"),
        ("celery_project_sample_apps", "orders,catalog", ["catalog", "orders"]),
        ("celery_project_sample_apps", "none", []),
        ("celery_project_sample_apps", [], []),
    ],
)
def test_answers(variable: str, typed: Any, value: _choices.Value) -> None:
    assert settle(find(**{variable: typed}))[variable] == value


@pytest.mark.parametrize(
    ("variables", "why"),
    [
        ({"celery_init_hosts": []}, "empty"),
        ({"celery_init_hosts": ["web1:22"]}, "cannot name a host"),
        ({"celery_init_hosts": ["-oProxyCommand=x"]}, "cannot name a host"),
        ({"celery_init_hosts": ["all"]}, "cannot name a host"),
        ({"celery_init_hosts": ["localhost", "web1"]}, "stands alone"),
        ({"celery_init_hosts": ["web1"], "celery_init_host_path": "shop"}, "absolute"),
        ({"celery_init_hosts": ["web1"], "celery_init_host_path": "/srv/{{ x }}"}, "expression"),
        ({"celery_init_hosts": ["a1", "a2"], "celery_init_broker": "embedded"}, "Allowed: redis, url"),
        ({"celery_broker_url": "redis://mq.example", "celery_init_broker": "redis"}, "Allowed: url"),
        ({"celery_broker_url": "carrot://x"}, "not supported"),
        ({"celery_init_periodic": "maybe"}, "neither yes nor no"),
        ({"celery_beat_scheduler": "cron tab"}, "database, file, redbeat"),
        ({"celery_result_backend": "postgres"}, "django-db"),
        ({"celery_result_backend": "redis"}, "django-db, database, none, a URL"),
        ({"celery_result_backend": "redis", "celery_broker_url": "amqp://mq.example"}, "Allowed: django-db"),
        ({"celery_project_sample_apps": ["order"]}, "catalog, orders, none"),
    ],
)
def test_what_cannot_be_names_what_is_allowed(variables: dict[str, Any], why: str) -> None:
    with pytest.raises(_choices.AnswerError, match=why) as caught:
        _choices.settle(find(**variables), None)
    assert any(name in str(caught.value) for name in variables)


def test_an_error_tells_no_password() -> None:
    url = f"REDIS://:{PASSWORD}@x"
    with pytest.raises(_choices.AnswerError) as caught:
        _choices.settle(find(celery_result_backend=url), None)
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize(
    ("typed", "otherwise", "agreed"),
    [("", True, True), ("", False, False), ("Y", False, True), ("no", True, False), ("perhaps", True, None)],
)
def test_consent(typed: str, otherwise: bool, agreed: bool | None) -> None:
    assert _choices.agrees(typed, otherwise) is agreed


# What is written


def test_this_machine() -> None:
    files = written(find())
    assert list(files) == [_choices.INVENTORY, _choices.SETTINGS]
    inventory = files[_choices.INVENTORY]["all"]
    assert inventory["hosts"]["localhost"]["ansible_connection"] == "local"
    assert list(inventory["children"]) == ["celery_worker", "celery_beat"]
    assert files[_choices.SETTINGS] == {
        "celery_project_path": "/home/me/shop",
        "celery_result_backend": "django-db",
        "celery_beat_scheduler": "database",
        "celery_workers": [{"name": "default"}],
        "celery_delivery": "at_most_once",
        "celery_service_manager": "auto",
    }


def test_several_hosts() -> None:
    files = written(find(celery_init_hosts=["app1", "10.0.0.2"], celery_project_sample_apps=["orders"]))
    children = files[_choices.INVENTORY]["all"]["children"]
    assert {name: list(group["hosts"]) for name, group in children.items()} == {
        "celery_worker": ["app1", "10.0.0.2"],
        "celery_beat": ["app1"],
        "celery_broker": ["app1"],
    }
    settings = files[_choices.SETTINGS]
    assert settings["celery_project_path"] == "/srv/shop"
    assert settings["celery_broker_password"].strip("{} ") == "vault_celery_broker_password"
    assert settings["celery_service_manager"] == "systemd"
    assert settings["celery_project_sample_apps"] == ["orders"]
    assert files[_choices.VAULT_EXAMPLE] == {"vault_celery_broker_password": "shop_production_your_key_here"}


def test_no_periodic_tasks() -> None:
    files = written(find(celery_init_periodic=False))
    assert list(files[_choices.INVENTORY]["all"]["children"]) == ["celery_worker"]
    assert files[_choices.SETTINGS]["celery_beat_scheduler"] == "file"


def test_what_discovery_was_told_is_kept() -> None:
    given = {
        "celery_project_name": "store",
        "celery_project_package": "shop",
        "celery_project_settings": "shop.settings.live",
        "celery_project_integrate": "always",
    }
    settings = written(find(**given))[_choices.SETTINGS]
    assert {name: settings[name] for name in given} == given


def test_a_name_that_comes_from_the_folder_is_kept() -> None:
    """On the hosts, the checkout may be in a folder of another name."""
    found = find(
        project={"package": "config", "path": "/home/me/blog"},
        celery_init_hosts=["web1"],
        celery_init_host_path="/srv/site1",
    )
    assert written(found)[_choices.SETTINGS]["celery_project_name"] == "blog"


def test_secrets_of_the_settings_get_placeholders() -> None:
    environment = {
        "STRIPE_KEY": "shop/settings/base.py:9",
        "SECRET_KEY": "shop/settings/base.py:3",
        "CELERY_BROKER_URL": "shop/settings/base.py:5",
    }
    files = written(find(project={"environment": environment, "database": "url"}))
    assert files[_choices.SETTINGS]["celery_secrets"] == {
        "SECRET_KEY": "{{ vault_secret_key }}",
        "STRIPE_KEY": "{{ vault_stripe_key }}",
    }
    assert files[_choices.VAULT_EXAMPLE] == {
        "vault_secret_key": "shop_production_your_key_here",
        "vault_stripe_key": "shop_production_your_key_here",
    }


def test_an_older_discovery_knows_no_environment() -> None:
    project = {key: value for key, value in PROJECT.items() if key != "environment"}
    assert _choices.Found(project).secrets == {}


@pytest.mark.parametrize(
    ("variable", "url", "kept"),
    [
        ("celery_broker_url", f"redis://:{PASSWORD}@mq.example/0", False),
        ("celery_broker_url", f"amqp://shop:{PASSWORD}@mq.example//", False),
        ("celery_broker_url", "redis://mq.example:6379/0", True),
        ("celery_result_backend", f"db+postgresql+psycopg://shop:{PASSWORD}@db.example/r", False),
        ("celery_result_backend", f"db+postgresql+psycopg://db.example/r?password={PASSWORD}", False),
        ("celery_result_backend", "redis://results.example:6379/1", True),
    ],
)
def test_urls_with_passwords_are_the_vaults(variable: str, url: str, kept: bool) -> None:
    found = find(**{variable: url})
    answers = _choices.settle(found, None)
    files = _choices.render(found, _choices.values_of(answers))
    everything = [*files.values(), *_choices.summary(answers, True), *_choices.summary(answers, False)]
    assert PASSWORD not in str(everything)
    settings = yaml.safe_load(files[_choices.SETTINGS])
    assert settings[variable] == (url if kept else f"{{{{ vault_{variable} }}}}")
    if not kept:
        placeholder = yaml.safe_load(files[_choices.VAULT_EXAMPLE])[f"vault_{variable}"]
        assert placeholder.startswith(url.partition("://")[0] + "://")
        assert "shop_production_your_key_here" in placeholder


@pytest.mark.parametrize("backend", ["database", "none", "redis", "django-db"])
def test_what_is_written_is_what_integrate_takes(backend: str, options: dict[str, Any]) -> None:
    """The checks of integrate.yml accept the settings, once the vault is filled in."""
    found = find(celery_init_hosts=["app1", "app2"], celery_init_broker="url", celery_result_backend=backend)
    files = written(found)
    settings = files[_choices.SETTINGS]
    vault = {f"{{{{ {name} }}}}": value for name, value in files[_choices.VAULT_EXAMPLE].items()}
    given = {name.removeprefix("celery_"): vault.get(str(value), value) for name, value in settings.items()}
    children = files[_choices.INVENTORY]["all"]["children"]
    groups = {name: list(group["hosts"]) for name, group in children.items()}
    _deployment.check({**options, **given}, groups, ["app1", "app2"])
    assert _broker.parse(given["broker_url"]).addresses == (("redis.example", 6379),)


@given(
    path=st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1).map("/srv/{}".format),
    hosts=st.lists(
        st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,8}[A-Za-z0-9])?", fullmatch=True), min_size=1
    ),
)
def test_any_path_and_host_come_back_from_the_files(path: str, hosts: list[str]) -> None:
    try:
        files = written(find(celery_init_hosts=hosts, celery_init_host_path=path))
    except _choices.AnswerError:
        return
    if hosts != ["localhost"]:
        read = files[_choices.SETTINGS]["celery_project_path"]
        assert read == os.path.normpath(path.strip())
    children = files[_choices.INVENTORY]["all"]["children"]
    assert list(children["celery_worker"]["hosts"]) == list(dict.fromkeys(hosts))


# What is shown


def test_what_was_found_is_told() -> None:
    text = "\n".join(_choices.describe(find({"django": "5.2.19"})))
    for part in (
        "shop/wsgi.py:7",
        "shop/settings/base.py",
        "catalog, orders",
        "django 5.2.19",
        "none so far",
    ):
        assert part in text


def test_an_app_of_its_own_is_told() -> None:
    text = "\n".join(_choices.describe(find(project={"celery_app": OWN_APP})))
    assert "shop.celery:app (shop/celery.py:3)" in text


@pytest.mark.parametrize(
    ("called", "playbook"),
    [
        ("celeriac.django.init", "celeriac.django.integrate"),
        ("playbooks/init.yml", "playbooks/integrate.yml"),
        ("init.yml", "integrate.yml"),
        ("site.yml", "celeriac.django.integrate"),
    ],
)
def test_the_next_playbook_is_called_alike(called: str, playbook: str) -> None:
    assert _choices.integrate_playbook([called]) == playbook


def test_commands() -> None:
    local = {"celery_init_hosts": ["localhost"]}
    run = "ansible-playbook x -i inventory.yml"
    assert _choices.commands("x", ".", local, False, False) == [f"{run} --check --diff", run]
    remote = {"celery_init_hosts": ["web1"]}
    lines = _choices.commands("x", "my site", remote, True, False)
    assert lines[0].startswith("ansible-vault encrypt --output 'my site/group_vars/all/vault.yml'")
    assert lines[-1] == "ansible-playbook x -i 'my site/inventory.yml' -b --ask-vault-pass"
    assert _choices.commands("x", "my site", remote, True, True) == lines[2:]
