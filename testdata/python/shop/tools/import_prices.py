#!/usr/bin/env python3
"""Write new prices into products.json: import_prices.py < prices.csv

A line is SKU,PRICE with the price as people write it: MUG-01,11.90
"""

import csv
import json
import sys
from decimal import Decimal
from pathlib import Path

REV = "00000001"

PRODUCTS = Path(__file__).resolve().parent.parent / "src/shop/catalog/products.json"


def main():
    prices = {sku: int(Decimal(price) * 100) for sku, price in csv.reader(sys.stdin)}
    products = json.loads(PRODUCTS.read_text(encoding="utf-8"))
    for product in products:
        product["cents"] = prices.pop(product["sku"], product["cents"])
    if prices:
        sys.exit("no such product: %s" % ", ".join(sorted(prices)))
    lines = ",\n".join("  " + json.dumps(product) for product in products)
    PRODUCTS.write_text("[\n%s\n]\n" % lines, encoding="utf-8")


if __name__ == "__main__":
    main()
