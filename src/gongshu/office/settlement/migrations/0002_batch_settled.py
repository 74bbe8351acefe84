"""How a conflict of counts was settled is kept with its batch."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("settlement", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="callbatch",
            name="settled",
            field=models.JSONField(default=dict, verbose_name="冲突怎样查清"),
        ),
    ]
