import os, tempfile
os.environ["WEB_DATA"] = tempfile.mkdtemp()
from web.api import app
from starlette.testclient import TestClient
client = TestClient(app)
assert client.get("/healthz").status_code == 200
assert client.get("/version").status_code == 200
assert client.post("/notes", json={"title": "Milk", "body": "and bread"}).status_code < 300
assert client.get("/notes/1").status_code == 200
