"""The HTTP API. Run it with `python3 -m shop.api`."""

REV = "00000001"
