"""What a queue requires becomes a skill expression, and routing steps follow on it. Both forms say the same."""

from django.db import migrations, models

# The mapping {"english": 3, "loans": 1} was what now is english>=3&loans>=1: each demand had it in this form already.
TO_TEXT = """
UPDATE routing_queue SET requires = coalesce(
    (SELECT string_agg(format('%s>=%s', key, value), '&' ORDER BY key) FROM jsonb_each_text(required)), ''
)
"""
# What only an expression can say has no mapping: then everybody may serve.
TO_MAPPING = """
UPDATE routing_queue SET required = coalesce(
    (SELECT jsonb_object_agg(split_part(need, '>=', 1), split_part(need, '>=', 2)::int)
     FROM regexp_split_to_table(replace(requires, ' ', ''), '&') AS need),
    '{}'
) WHERE replace(requires, ' ', '') ~ '^[a-z0-9_-]+>=[1-5](&[a-z0-9_-]+>=[1-5])*$'
"""


class Migration(migrations.Migration):
    dependencies = [("routing", "0007_claim_pairs")]

    operations = [
        migrations.RenameField("queue", "requires", "required"),
        migrations.AddField(
            "queue",
            "requires",
            models.CharField(
                blank=True,
                default="",
                help_text="Such as: french >= 3 & (loans | mortgages) & !trainee. Empty: everybody.",
                max_length=500,
                verbose_name="required skills",
            ),
        ),
        migrations.RunSQL(TO_TEXT, TO_MAPPING),
        migrations.RemoveField("queue", "required"),
        migrations.RemoveField("demand", "requires"),
        migrations.AddField(
            "queue",
            "steps",
            models.JSONField(
                blank=True,
                default=list,
                help_text="What is asked for instead of the required skills once a contact has waited.",
                verbose_name="routing steps",
            ),
        ),
        migrations.AddField("queue", "unserved", models.JSONField(default=list, editable=False)),
    ]
