#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Two copies of one Django project on this host: /srv/ours, for the playbook, and /srv/plain, with Celery as its page
# "First steps with Django" has it, to the letter.
set -euo pipefail

export SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
runuser -u postgres -- psql --no-psqlrc --set ON_ERROR_STOP=1 --quiet <<'SQL'
CREATE ROLE bench LOGIN PASSWORD 'bench_molecule_password';
CREATE DATABASE ours OWNER bench;
CREATE DATABASE plain OWNER bench;
SQL
# Of the distribution's, beside the Redis.
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends rabbitmq-server >/dev/null
rabbitmqctl --quiet add_user bench rabbitmq_molecule_password
for name in ours plain; do
  rabbitmqctl --quiet add_vhost "$name"
  rabbitmqctl --quiet set_permissions -p "$name" bench '.*' '.*' '.*'
done
sed -i 's/^\(# \)\?requirepass .*/requirepass redis_molecule_password/' /etc/redis/redis.conf
systemctl restart redis-server.service

python3 -m venv /opt/make
/opt/make/bin/pip install --quiet 'django>=6.0,<6.1' 'psycopg[binary]>=3.2'
for name in ours plain; do
  mkdir "/srv/$name"
  cd "/srv/$name"
  /opt/make/bin/django-admin startproject proj .
  /opt/make/bin/python manage.py startapp demoapp
  cat > requirements.txt <<'TEXT'
django>=6.0,<6.1
psycopg[binary]>=3.2
TEXT
  cat >> proj/settings.py <<'TEXT'

INSTALLED_APPS += ["demoapp"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": BASE_DIR.name,
        "USER": "bench",
        "PASSWORD": "bench_molecule_password",
        "HOST": "127.0.0.1",
    }
}
TEXT
  cat > demoapp/models.py <<'TEXT'
import os

from django.db import models


class Widget(models.Model):
    name = models.CharField(max_length=140)


# For the time that a start takes: models as a large project has them, without tables.
for number in range(200 if os.path.exists("/srv/many-models") else 0):
    fields = {f"field{each}": models.CharField(max_length=140) for each in range(8)}
    meta = type("Meta", (), {"managed": False})
    type(f"Many{number}", (models.Model,), {**fields, "Meta": meta, "__module__": __name__})
TEXT
  cat > demoapp/tasks.py <<'TEXT'
import time

import redis
from celery import shared_task
from demoapp.models import Widget


@shared_task
def empty():
    pass


@shared_task
def one_query():
    return Widget.objects.count()


@shared_task
def mark(url, key):
    with redis.Redis.from_url(url) as client:
        client.rpush(key, time.time())


@shared_task
def waited(url, key, sent):
    waited = time.time() - sent
    Widget.objects.count()
    with redis.Redis.from_url(url) as client:
        client.rpush(key, waited)
TEXT
  /opt/make/bin/python manage.py makemigrations --verbosity 0 demoapp
done

cd /srv/plain
# From here on, what the page says.
cat > proj/celery.py <<'TEXT'
import os

from celery import Celery

# Set the default Django settings module for the 'celery' program.
os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'proj.settings')

app = Celery('proj')

# Using a string here means the worker doesn't have to serialize
# the configuration object to child processes.
# - namespace='CELERY' means all celery-related configuration keys
#   should have a `CELERY_` prefix.
app.config_from_object('django.conf:settings', namespace='CELERY')

# Load task modules from all registered Django apps.
app.autodiscover_tasks()


@app.task(bind=True, ignore_result=True)
def debug_task(self):
    print(f'Request: {self.request!r}')
TEXT
cat > proj/__init__.py <<'TEXT'
# This will make sure the app is always imported when
# Django starts so that shared_task will use this app.
from .celery import app as celery_app

__all__ = ('celery_app',)
TEXT
cat >> proj/settings.py <<'TEXT'

# Celery Configuration Options
CELERY_TIMEZONE = "Australia/Tasmania"
CELERY_TASK_TRACK_STARTED = True
CELERY_TASK_TIME_LIMIT = 30 * 60
CELERY_BROKER_URL = "redis://:redis_molecule_password@127.0.0.1:6379/1"
TEXT
