import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import unittest
import urllib.request
from pathlib import Path

from . import PROJECT, ROOTS


class Service:
    """A service as it runs in production, in a directory of its own."""

    def __init__(self, name, data):
        env = dict(os.environ, PYTHONPATH=os.pathsep.join(ROOTS), PORT="0", SHOP_DATA=data, SHOP_STATUS_DIR=data)
        command = [sys.executable, "-B", "-m", "shop." + name]
        self.process = subprocess.Popen(command, cwd=str(PROJECT), env=env, stdout=subprocess.PIPE)
        self.line = self.process.stdout.readline().decode()
        self.status = json.loads(Path(data, name + ".json").read_text())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def ask(self, path, body=None):
        url = "http://127.0.0.1:%d%s" % (self.status["port"], path)
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, data, timeout=10) as answer:
            text = answer.read().decode()
        return json.loads(text) if "json" in answer.headers["Content-Type"] else text

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=10)


class ServicesTest(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.data = place.name

    def test_each_says_what_it_runs_and_stops_on_term(self):
        for name in ("api", "worker", "scheduler"):
            with self.subTest(service=name), Service(name, self.data) as service:
                self.assertRegex(service.line, r"^%s started, pid %d, \d+ modules at 00000001$" % (name, service.process.pid))
                self.assertEqual(service.status["pid"], service.process.pid)
                self.assertEqual(service.status["revisions"]["shop.%s.__main__" % name], "00000001")
                self.assertEqual(service.terminate(), 0)

    def test_the_sitemap_is_loaded_when_it_is_asked_for(self):
        with Service("api", self.data) as api:
            self.assertNotIn("shop.catalog.sitemap", api.ask("/version")["revisions"])
            self.assertIn("/p/POT-02/moka-pot", api.ask("/sitemap.xml"))
            self.assertIn("shop.catalog.sitemap", api.ask("/version")["revisions"])

    def test_an_order_becomes_a_mail(self):
        wanted = {"email": "ada@corner.example", "lines": [["BEAN-2", 2]]}
        with Service("api", self.data) as api:
            self.assertEqual(api.ask("/search?q=etHIO"), ["Ethiopia Sidamo, 500 g (BEAN-2)"])
            placed = api.ask("/orders", wanted)
            self.assertEqual(api.ask("/orders/" + placed["number"])["lines"], wanted["lines"])
            self.assertEqual(api.ask("/products/BEAN-2")["left"], 38)
        with Service("worker", self.data) as worker:
            outbox = Path(self.data, "outbox")
            # The queue is empty once the worker has removed what it had taken.
            while list(Path(self.data, "jobs").glob("*/*.json")):
                self.assertIsNone(worker.process.poll())
                select.select([], [], [], 0.01)
            (mail,) = [path.read_text() for path in outbox.glob("[!.]*.eml")]
        self.assertIn("Your order " + placed["number"], mail)
        self.assertIn("2 x Ethiopia Sidamo", mail)
        self.assertIn(placed["total"], mail)
