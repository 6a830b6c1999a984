# SPDX-License-Identifier: 0BSD
"""The table of the samples' own model."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Make it."""

    dependencies = (("celery_records", "0001_initial"),)

    operations = (
        migrations.CreateModel(
            name="Item",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("name", models.CharField(max_length=200)),
            ],
        ),
    )
