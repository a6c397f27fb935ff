"""The site's pages."""

from flask import Blueprint, abort, jsonify, render_template

from web.common import revisions, store

from .reading import minutes

REV = "00000001"

pages = Blueprint("pages", __name__)


@pages.get("/healthz")
def healthz():
    return jsonify(ok=True)


@pages.get("/version")
def version():
    return jsonify(revisions.report("site"))


@pages.get("/")
def index():
    return render_template("index.html", notes=store.every())


@pages.get("/notes/<int:number>")
def note(number):
    found = store.get(number) or abort(404)
    return render_template("note.html", note=found, minutes=minutes(found["body"]))
