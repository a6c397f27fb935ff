"""What the three programs share."""

REV = "00000001"
