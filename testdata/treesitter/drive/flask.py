import os, tempfile
os.environ["WEB_DATA"] = tempfile.mkdtemp()
from web.site import app
client = app.test_client()
for page in "/", "/healthz", "/version":
    assert client.get(page).status_code == 200, page
assert client.get("/notes/1").status_code == 404
