from celery import shared_task

from .drying import hours


@shared_task
def dry(tons):
    return hours(tons)
