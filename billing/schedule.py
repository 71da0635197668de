"""When billing's periodic tasks run; `config` gives it to beat."""

from datetime import timedelta

from celery.schedules import crontab

SCHEDULE = {
    "billing-rate-unrated": {"task": "billing.tasks.rate_unrated", "schedule": timedelta(minutes=1)},
    "billing-rate-everything": {
        "task": "billing.tasks.rate_unrated",
        "schedule": crontab(hour=3, minute=20),
        "kwargs": {"everything": True},
    },
    "billing-finish-reratings": {"task": "billing.tasks.finish_reratings", "schedule": timedelta(minutes=1)},
    "billing-accrue-all": {"task": "billing.tasks.accrue_all", "schedule": crontab(minute=2)},
}
