"""The API's routes."""

from fastapi import APIRouter, HTTPException

from web.common import revisions, store, text

from .schemas import Draft, Note

REV = "00000001"

router = APIRouter()


@router.get("/healthz")
def healthz():
    return {"ok": True}


@router.get("/version")
def version():
    return revisions.report("api")


@router.post("/notes", status_code=201)
def write(draft: Draft) -> Note:
    return _note(store.get(store.add(draft.title, draft.body)))


@router.get("/notes/{number}")
def read(number: int) -> Note:
    found = store.get(number)
    if found is None:
        raise HTTPException(404, "no note %d" % number)
    return _note(found)


def _note(row):
    return Note(**row, summary=text.summary(row["body"]))
