"""Summaries for the people who run the shop."""

REV = "00000001"
