import sys
sys.argv = ["manage.py", "migrate", "--verbosity", "0"]
import runpy
runpy.run_path("manage.py", run_name="__main__")  # which runserver does too, in part
from django.core.management import call_command
call_command("check")
from django.test import Client
client = Client()
for page in "/admin/login/", "/grain/", "/flour/", "/orders/?name=a":
    assert client.get(page).status_code == 200, page
