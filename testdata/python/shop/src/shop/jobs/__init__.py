"""Work that a service leaves to the worker."""

from . import kinds
from .filequeue import FileQueue

REV = "00000001"

__all__ = ["FileQueue", "kinds"]
