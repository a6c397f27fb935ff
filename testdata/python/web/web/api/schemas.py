"""What the API takes and gives."""

from pydantic import BaseModel, Field

REV = "00000001"


class Draft(BaseModel):
    title: str = Field(min_length=1, max_length=120)
    body: str = ""


class Note(Draft):
    id: int
    summary: str
