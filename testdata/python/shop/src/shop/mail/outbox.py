"""Where mail goes: a directory that another program delivers from."""

import os
from email.message import EmailMessage

from corner import clock

REV = "00000001"

SENDER = "The Corner Shop <orders@corner.example>"


class Outbox:
    def __init__(self, directory):
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def send(self, to, subject, text):
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = SENDER, to, subject
        message.set_content(text)
        name = clock.number() + ".eml"
        draft = self.directory / ("." + name)
        draft.write_bytes(bytes(message))
        os.replace(str(draft), str(self.directory / name))
