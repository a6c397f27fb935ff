"""The site, Flask under gunicorn: `gunicorn web.site:app`."""

from flask import Flask

from .views import pages

REV = "00000001"


def create_app():
    made = Flask(__name__)
    made.register_blueprint(pages)
    return made


app = create_app()
