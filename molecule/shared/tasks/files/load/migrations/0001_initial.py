# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of the numbers."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """The table of the numbers."""

    initial = True
    operations = (
        migrations.CreateModel(
            name="Done",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("number", models.BigIntegerField()),
                ("at", models.DateTimeField(auto_now_add=True)),
                ("worker", models.CharField(max_length=100)),
            ],
        ),
    )
