from celery import shared_task


@shared_task
def invoice(number):
    from .invoices import text

    return text(number)
