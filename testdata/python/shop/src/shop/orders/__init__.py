"""Orders: what a customer asked for and where it goes."""

from .model import *
from .store import OrderStore

REV = "00000001"
