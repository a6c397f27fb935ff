"""Orders on disk: one JSON file each, written whole or not at all."""

import json
import os

from . import model

REV = "00000001"


class OrderStore:
    def __init__(self, directory):
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def add(self, order):
        draft = self.directory / (".%s.%d" % (order.number, os.getpid()))
        draft.write_text(json.dumps(order.as_data()), encoding="utf-8")
        os.replace(str(draft), str(self.directory / (order.number + ".json")))

    def get(self, number):
        """The order, or None when there is none of that number."""
        if not number.isalnum():
            return None
        try:
            text = (self.directory / (number + ".json")).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        return model.parse(json.loads(text))

    def __iter__(self):
        for path in sorted(self.directory.glob("*.json")):
            order = self.get(path.stem)
            if order is not None:
                yield order
