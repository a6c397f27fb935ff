"""The scheduler: starts what is done by the clock."""

REV = "00000001"
