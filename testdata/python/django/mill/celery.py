"""The worker: `celery -A mill worker`. Tasks are in the applications."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mill.settings")

app = Celery("mill", broker="memory://")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
