from celery.bin.celery import main  # the program imports the application
from mill import celery_app
celery_app.loader.import_default_modules()
celery_app.finalize()
assert "grain.tasks.dry" in celery_app.tasks
assert celery_app.tasks["orders.tasks.invoice"](7)
