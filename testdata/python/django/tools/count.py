"""Counts the lines of the project."""

from pathlib import Path

print(sum(len(p.read_text().splitlines()) for p in Path(__file__).parents[1].rglob("*.py")))
