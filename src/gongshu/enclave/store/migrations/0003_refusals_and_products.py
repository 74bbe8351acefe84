from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('store', '0002_one_time_password'),
    ]

    operations = [
        migrations.CreateModel(
            name='ProductOfGrant',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('zone', models.CharField(max_length=20)),
                ('product', models.CharField(max_length=80)),
                ('grant', models.CharField(max_length=80)),
                ('bound', models.DateTimeField()),
            ],
            options={
                'constraints': [
                    models.UniqueConstraint(fields=('zone', 'product'), name='product_of_one_grant'),
                ],
            },
        ),
        migrations.AddField(
            model_name='ceiling',
            name='sentence',
            field=models.CharField(default='', max_length=400),
        ),
        migrations.AddField(
            model_name='task',
            name='reached',
            field=models.DateTimeField(help_text='申请出域时对着原始数据检验的时间，计入当天次数', null=True),
        ),
        migrations.AddField(
            model_name='outgoing',
            name='code',
            field=models.CharField(default='', help_text='办公域答复的代码', max_length=40),
        ),
        migrations.AddField(
            model_name='outgoing',
            name='refused',
            field=models.DateTimeField(help_text='第一次被拒或没有回执的时间', null=True),
        ),
        migrations.AddField(
            model_name='outgoing',
            name='sentence',
            field=models.CharField(default='', help_text='办公域答复的原话', max_length=200),
        ),
        migrations.AddField(
            model_name='outgoing',
            name='tries',
            field=models.IntegerField(default=0, help_text='被拒或没有回执的次数'),
        ),
        migrations.AlterField(
            model_name='outgoing',
            name='not_before',
            field=models.DateTimeField(help_text='运行结果只在整 10 秒发出；被拒的到这时再送'),
        ),
        migrations.AddIndex(
            model_name='journalentry',
            index=models.Index(
                condition=models.Q(('posted__isnull', True)), fields=['id'], name='journal_unposted'
            ),
        ),
        migrations.AddIndex(
            model_name='outgoing',
            index=models.Index(
                condition=models.Q(('refused__isnull', False)), fields=['refused'], name='outgoing_refused'
            ),
        ),
    ]
