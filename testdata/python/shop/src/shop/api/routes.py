"""What the API answers, as functions from a request to data."""

from shop import catalog, pricing, status
from shop.catalog.search import Index
from shop.jobs import FileQueue, kinds
from shop.orders import OrderStore, Refused, parse, rules
from shop.stock import Stock, counted

REV = "00000001"


class Routes:
    """Owned by the server; its methods run on the threads of requests."""

    def __init__(self, data):
        self.catalog = catalog.load()
        self.index = Index(self.catalog.values())
        self.orders = OrderStore(data / "orders")
        self.jobs = FileQueue(data / "jobs")
        self.table = {
            ("GET", "healthz"): self.healthz,
            ("GET", "version"): self.version,
            ("GET", "products"): self.products,
            ("GET", "search"): self.search,
            ("GET", "sitemap.xml"): self.sitemap,
            ("GET", "orders"): self.order,
            ("POST", "orders"): self.place,
            ("POST", "quote"): self.quote,
        }

    def answer(self, method, path, query, body):
        """(status, data) for a request."""
        name, _, rest = path.strip("/").partition("/")
        handler = self.table.get((method, name))
        if handler is None:
            return 404, {"error": "no %s %s here" % (method, path)}
        try:
            return handler(rest, query, body)
        except Refused as error:
            return 422, {"error": str(error)}

    def healthz(self, rest, query, body):
        return 200, {"ok": True}

    def version(self, rest, query, body):
        return 200, status.report("api")

    def products(self, rest, query, body):
        if not rest:
            return 200, [product._asdict() for product in self.catalog.values()]
        if rest not in self.catalog:
            return 404, {"error": "no product %s" % rest}
        left = Stock(self.orders, counted()).left(rest)
        return 200, dict(self.catalog[rest]._asdict(), left=left)

    def search(self, rest, query, body):
        return 200, [product.title for product in self.index.find(query.get("q", ""))]

    def sitemap(self, rest, query, body):
        from shop.catalog import sitemap

        return 200, sitemap.render(self.catalog.values(), query.get("base", "https://corner.example"))

    def order(self, rest, query, body):
        found = self.orders.get(rest)
        return (200, found.as_data()) if found else (404, {"error": "no order %s" % rest})

    def quote(self, rest, query, body):
        return 200, self._price(self._read(body)).as_data()

    def place(self, rest, query, body):
        order = self._read(body)
        rules.check(order, Stock(self.orders, counted()))
        priced = self._price(order)
        self.orders.add(order)
        self.jobs.put(kinds.CONFIRM_ORDER, number=order.number)
        return 201, {"number": order.number, "total": str(priced.total)}

    def _read(self, body):
        order = parse(body if isinstance(body, dict) else {})
        for sku, _ in order.lines:
            if sku not in self.catalog:
                raise Refused("no product %s" % sku)
        return order

    def _price(self, order):
        return pricing.quote(order, self.catalog)
