from celery import Celery

from shop import prices

app = Celery("shop")
app.config_from_object("celeryconfig")


@app.task
def revision() -> str:
    return prices.REVISION


@app.task
def total(item: str, amount: int) -> float:
    return prices.PRICES[item] * amount
