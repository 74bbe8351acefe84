from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('store', '0006_lift'),
    ]

    operations = [
        migrations.AlterField(
            model_name='outgoing',
            name='number',
            field=models.BigIntegerField(help_text='到了发出的时候才编号、签名', null=True),
        ),
        migrations.AddField(
            model_name='task',
            name='sources',
            field=models.JSONField(default=list, help_text='为它取出过的快照；输出和报错里可能有这些快照的值'),
        ),
        migrations.AddField(
            model_name='projecttable',
            name='for_output',
            field=models.CharField(blank=True, default='', max_length=80),
        ),
    ]
