"""Full-text search over the product names."""

from corner.text import words

REV = "00000001"


class Index:
    """Finds products that have every word of a query; a prefix is enough."""

    def __init__(self, products):
        self._words = [(product, words(product.name)) for product in products]

    def find(self, query):
        asked = words(query)
        if not asked:
            return []
        return [
            product
            for product, known in self._words
            if all(any(word.startswith(part) for word in known) for part in asked)
        ]
