from django.db import migrations, models


def end_sessions(apps, schema_editor):
    """Rows of sessions are found by a hash from now on; those of before hold what their cookies hold."""
    apps.get_model("sessions", "Session").objects.all().delete()


class Migration(migrations.Migration):

    dependencies = [
        ("access", "0003_plain_words"),
        ("sessions", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="SignInLimit",
            fields=[
                ("key", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("until", models.FloatField(db_index=True, help_text="POSIX seconds.")),
            ],
            options={"default_permissions": ()},
        ),
        migrations.RunPython(end_sessions, migrations.RunPython.noop),
    ]
