"""The worker: does what the other services put into the queue."""

REV = "00000001"
