# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task of one project tries, to get at another project: code that leaves what it found in `answer`."""

from __future__ import annotations

#: Every file that it can read, and that has a secret of the other project in it (which is not in this text).
FILES = """
import os
answer = []
for top in ('/etc', '/home', '/opt', '/proc', '/root', '/run', '/srv', '/tmp', '/usr/local', '/var'):
    for folder, folders, names in os.walk(top):
        if folder.startswith('/proc/') and folder.count('/') > 2:
            folders[:] = []
        for name in names:
            path = os.path.join(folder, name)
            try:
                if not folder.startswith('/proc') and not os.path.isfile(path):
                    continue
                with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), 'rb', buffering=0) as file:
                    if bytes(reversed(b'-erusaert')) in (file.read(1 << 20) or b''):
                        answer.append(path)
            except OSError:
                pass
"""

#: Every process of somebody else's that takes a signal.
SIGNALS = """
import os
answer = []
for process in filter(str.isdigit, os.listdir('/proc')):
    try:
        if os.stat('/proc/' + process).st_uid != os.getuid():
            os.kill(int(process), 0)
            answer.append(process)
    except OSError:
        pass
"""

#: Ways to be somebody else.
OTHERS = """
import os, subprocess
answer = []
for user in {0, 1, os.getuid() - 1, os.getuid() + 1}:
    try:
        os.setuid(user)
        answer.append(user)
    except OSError:
        pass
for command in (['sudo', '-n', 'id'], ['su', '-c', 'id'], ['systemctl', 'stop', 'market-celery.target']):
    try:
        if subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20).returncode == 0:
            answer.append(command)
    except (OSError, subprocess.TimeoutExpired):
        pass
"""

#: COMMANDS in Redis, each with what came of it.
REDIS = """
import os, redis
client = redis.Redis.from_url(os.environ['CELERY_BROKER_URL'])
answer = {}
for command in COMMANDS:
    try:
        answer[' '.join(command)] = repr(client.execute_command(*command))
    except Exception as error:
        answer[' '.join(command)] = type(error).__name__
"""
COMMANDS = [
    ["LRANGE", "market:celery", "0", "-1"],
    ["LPUSH", "market:celery", "x"],
    ["GET", "market:x"],
    ["DEL", "market:celery"],
    ["SCAN", "0"],
    ["KEYS", "market:*"],
    ["ACL", "LIST"],
    ["CONFIG", "GET", "*"],
    ["FLUSHALL"],
]

#: Statements in PostgreSQL, each with what came of it.
POSTGRESQL = """
import psycopg
from django.db import connection
given = connection.get_connection_params()
answer = {}
def attempt(name, statement, **changed):
    options = {key: given[key] for key in ('dbname', 'user', 'password', 'host', 'port') if key in given}
    try:
        with psycopg.connect(**{**options, **changed}) as opened:
            cursor = opened.execute(statement)
            answer[name] = repr(cursor.fetchall()) if cursor.description else 'done'
    except psycopg.Error as error:
        answer[name] = type(error).__name__
attempt('own database', 'SELECT 1')
attempt('other database', 'SELECT 1', dbname='market')
attempt('other user', 'SELECT 1', dbname='market', user='market')
attempt('passwords', 'SELECT rolpassword FROM pg_authid')
attempt('other role', 'SET ROLE market')
attempt('program', "COPY (SELECT 1) TO PROGRAM 'id'")
attempt('file', "SELECT pg_read_file('/etc/passwd')")
"""

#: Virtual hosts in RabbitMQ, each with what came of it.
RABBITMQ = """
import amqp
answer = {}
places = (('shop', 'shop'), ('shop', 'market'), ('shop', '/'), ('market', 'market'), ('guest', '/'))
for user, vhost in places:
    try:
        password = 'guest' if user == 'guest' else 'rabbit-shop'
        with amqp.Connection('127.0.0.1:5672', userid=user, password=password, virtual_host=vhost) as opened:
            opened.channel()
            answer[user + ' in ' + vhost] = 'let in'
    except Exception as error:
        answer[user + ' in ' + vhost] = type(error).__name__
"""
