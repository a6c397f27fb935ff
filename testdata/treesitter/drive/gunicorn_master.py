import sys

sys.argv = ["gunicorn", "wsgiref.simple_server:demo_app"]
from gunicorn.app.wsgiapp import WSGIApplication
from gunicorn.arbiter import Arbiter

arbiter = Arbiter(WSGIApplication())
assert arbiter.worker_class.__name__ == "SyncWorker"
