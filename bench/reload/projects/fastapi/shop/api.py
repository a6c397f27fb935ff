from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel

from shop import models, prices

app = FastAPI()


class Order(BaseModel):
    item: str
    amount: int = 1


@app.get("/", response_class=PlainTextResponse)
def revision() -> str:
    return prices.REVISION


@app.post("/orders")
def order(wanted: Order) -> dict:
    with models.engine.begin() as connection:
        models.metadata.create_all(connection)
        connection.execute(models.orders.insert().values(item=wanted.item))
    price = prices.PRICES.set_index("item").price.get(wanted.item, 0.0)
    return {"total": float(price) * wanted.amount}
