"""The notes, in SQLite. The API writes, the site reads."""

import sqlite3
from contextlib import closing

from . import settings

REV = "00000001"

SCHEMA = "CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, title TEXT NOT NULL, body TEXT NOT NULL)"


def _connect():
    settings.DATA.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(str(settings.DATA / "notes.db"), timeout=10)
    connection.row_factory = sqlite3.Row
    connection.execute(SCHEMA)
    return connection


def add(title, body):
    """Keep a note; its number."""
    with closing(_connect()) as connection, connection:
        return connection.execute("INSERT INTO notes (title, body) VALUES (?, ?)", (title, body)).lastrowid


def get(number):
    """The note, or None."""
    with closing(_connect()) as connection:
        row = connection.execute("SELECT * FROM notes WHERE id = ?", (number,)).fetchone()
    return dict(row) if row else None


def every():
    with closing(_connect()) as connection:
        return [dict(row) for row in connection.execute("SELECT * FROM notes ORDER BY id DESC")]
