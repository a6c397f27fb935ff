"""The table of README.md says which service loads which file. Here it is held to that."""

import json
import os
import re
import subprocess
import sys
import unittest

from . import PROJECT, ROOTS

SERVICES = ("api", "worker", "scheduler")

SHOW = """
import importlib, json, os, sys
importlib.import_module("shop.%s.__main__")
files = [getattr(module, "__file__", None) for module in sys.modules.values()]
print(json.dumps([os.path.realpath(file) for file in files if file]))
"""


def table():
    """path -> what is said of each service: "yes", "lazy" or ""."""
    rows = {}
    for line in (PROJECT / "README.md").read_text(encoding="utf-8").splitlines():
        match = re.match(r"\| `([^`]+\.py)` \|(.*)\|$", line)
        if match:
            rows[match.group(1)] = dict(zip(SERVICES, (cell.strip() for cell in match.group(2).split("|"))))
    return rows


def loaded(service):
    """The project's files that a process of the service has loaded at start."""
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(ROOTS))
    out = subprocess.check_output([sys.executable, "-B", "-c", SHOW % service], env=env, cwd=str(PROJECT))
    root = os.path.realpath(str(PROJECT)) + os.sep
    return sorted(file[len(root):] for file in json.loads(out) if file.startswith(root))


class ReadmeTest(unittest.TestCase):
    def test_every_file_has_a_row(self):
        here = [path.relative_to(PROJECT).as_posix() for path in PROJECT.rglob("*.py")]
        self.assertEqual(sorted(table()), sorted(here))

    def test_the_table_is_what_the_services_load(self):
        rows = table()
        for service in SERVICES:
            with self.subTest(service=service):
                said = sorted(path for path, row in rows.items() if row[service] == "yes")
                self.assertEqual(said, loaded(service))
