from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("clouds", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="cloudaccount",
            name="unchecked_permissions",
            field=models.JSONField(default=list),
        ),
    ]
