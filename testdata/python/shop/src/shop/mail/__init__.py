"""Mail to customers and to ourselves."""

from .outbox import Outbox
from .render import render

REV = "00000001"

__all__ = ["Outbox", "render"]
