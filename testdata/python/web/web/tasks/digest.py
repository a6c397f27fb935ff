"""Digests a text. Celery loads this module because `include` names it."""

from web.common import text

from . import app
from .scoring import score

REV = "00000001"


@app.task
def digest(body, most=5):
    """The summary and the words that say most."""
    ranked = sorted(score(text.words(body)).items(), key=lambda pair: (-pair[1], pair[0]))
    return {"summary": text.summary(body), "keywords": [word for word, _ in ranked[:most]]}
