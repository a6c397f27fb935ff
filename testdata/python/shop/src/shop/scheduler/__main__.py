"""Looks at the timetable on every tick until TERM."""

import json
import os
import sys

from corner import clock
from shop import lifecycle, settings, status
from shop.jobs import FileQueue, kinds
from shop.orders import OrderStore
from shop.reports.daily import DailyReport
from shop.stock import Stock, counted

from .timetable import Timetable

REV = "00000001"


def write_report(data):
    """The day so far, for the dashboard."""
    report = DailyReport(OrderStore(data / "orders"), clock.today())
    draft = data / ".today.json"
    draft.write_text(json.dumps(report.as_data()), encoding="utf-8")
    os.replace(str(draft), str(data / "today.json"))


def reorder(data):
    """Ask for mail about what is scarce."""
    low = Stock(OrderStore(data / "orders"), counted()).low()
    if low:
        FileQueue(data / "jobs").put(kinds.LOW_STOCK, skus=low)


def main():
    stop = lifecycle.Stop()
    settings.DATA.mkdir(parents=True, exist_ok=True)
    timetable = Timetable(clock.seconds(), [(60, write_report), (24 * 3600, reorder)])
    status.write("scheduler", runs=0)
    lifecycle.announce("scheduler")
    runs = 0
    while not stop.wait(settings.TICK):
        for job in timetable.due(clock.seconds()):
            job(settings.DATA)
            runs += 1
            status.write("scheduler", runs=runs)


if __name__ == "__main__":
    sys.exit(main())
