"""The API, FastAPI under uvicorn: `uvicorn web.api:app`."""

from fastapi import FastAPI

from . import routes

REV = "00000001"

app = FastAPI(title="Notes")
app.include_router(routes.router)
