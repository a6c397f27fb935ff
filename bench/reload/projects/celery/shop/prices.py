"""What things cost. The bench edits this file."""

REVISION = "0"

PRICES = {"pen": 1.5, "book": 12.0}
