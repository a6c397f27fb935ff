"""A small mail-order shop: an HTTP API, a worker and a scheduler."""

REV = "00000001"
