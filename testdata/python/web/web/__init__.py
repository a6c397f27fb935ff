"""A notebook: an API to write notes, a site to read them, a worker that digests them."""

REV = "00000001"
