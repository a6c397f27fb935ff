# What gunicorn loads is chosen by its options: the master is made with each of
# them in turn, and loads the worker's class, the logger and the parser.
import sys

from gunicorn.app.wsgiapp import WSGIApplication
from gunicorn.arbiter import Arbiter
from gunicorn.http import get_parser
from gunicorn.workers import SUPPORTED_WORKERS

options = [["--threads=2"], ["--statsd-host=127.0.0.1:8125"], ["--protocol=uwsgi"]]
options += [["--worker-class=" + name] for name in SUPPORTED_WORKERS]
for chosen in options:
    sys.argv = ["gunicorn", *chosen, "wsgiref.simple_server:demo_app"]
    try:
        arbiter = Arbiter(WSGIApplication())
    except (RuntimeError, SystemExit):
        continue  # what this worker needs is not installed
    get_parser(arbiter.cfg, iter(()), None)
