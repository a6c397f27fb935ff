"""Which handler does which job."""

from shop.jobs import kinds

from .handlers import *

REV = "00000001"

HANDLERS = {
    kinds.CONFIRM_ORDER: confirm.handle,
    kinds.LOW_STOCK: low_stock.handle,
}
