from mill.wsgi import application
from django.apps import apps
from django.db import connection
with connection.schema_editor() as editor:
    for model in apps.get_models():
        editor.create_model(model)
from django.test import Client
client = Client()
for page in "/admin/login/", "/grain/", "/flour/", "/orders/?name=a":
    assert client.get(page).status_code == 200, page
