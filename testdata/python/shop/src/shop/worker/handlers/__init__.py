"""One module for each kind of job.

The list is all there is to say: `from ... import *` loads what it names.
"""

__all__ = ["confirm", "low_stock"]

REV = "00000001"
