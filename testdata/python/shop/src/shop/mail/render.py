"""Fills in the templates beside this package: subject, blank line, text."""

from pathlib import Path
from string import Template

REV = "00000001"

TEMPLATES = Path(__file__).with_name("templates")


def render(name, **values):
    """The mail as (subject, text); a value that is missing is a KeyError."""
    source = (TEMPLATES / (name + ".txt")).read_text(encoding="utf-8")
    subject, _, text = Template(source).substitute(values).partition("\n\n")
    return subject.strip(), text
