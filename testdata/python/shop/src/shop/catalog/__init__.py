"""The products."""

from . import loader
from .product import Product

REV = "00000001"

__all__ = ["Product", "load"]


def load():
    """All products by stock-keeping unit."""
    return {product.sku: product for product in loader.read()}
