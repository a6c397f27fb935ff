"""The names of the jobs, so that sender and worker agree."""

REV = "00000001"

CONFIRM_ORDER = "confirm-order"
LOW_STOCK = "low-stock"
KNOWN = frozenset((CONFIRM_ORDER, LOW_STOCK))
