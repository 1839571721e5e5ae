from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0011_anomalies'),
    ]

    operations = [
        migrations.AddField(
            model_name='costimport',
            name='owner',
            field=models.CharField(blank=True, max_length=120),
        ),
    ]
