#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Starts the worker of /srv/plain as the page says, with the packages that the playbook has installed for /srv/ours.
# usage: plain.sh RESULT_BACKEND (django-db, or nothing)
set -euo pipefail

cd /srv/plain
sed -i '/^CELERY_RESULT_BACKEND\|django_celery_results/d' proj/settings.py
if [ -n "${1:-}" ]; then
  cat >> proj/settings.py <<TEXT
INSTALLED_APPS += ["django_celery_results"]
CELERY_RESULT_BACKEND = '$1'
TEXT
fi
/opt/plain/bin/python manage.py migrate --verbosity 0
chown -R nobody /srv/plain
systemctl stop plain-worker.service 2>/dev/null || true
systemd-run --quiet --unit=plain-worker --uid=nobody --working-directory=/srv/plain \
  --setenv=PYTHONUNBUFFERED=1 /opt/plain/bin/celery -A proj worker -l INFO --concurrency=4
