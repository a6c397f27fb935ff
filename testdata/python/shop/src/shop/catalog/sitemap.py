"""The sitemap, asked for by crawlers a few times a day.

The API imports this module in the request: most processes never need it.
"""

from xml.sax.saxutils import escape

from corner.text import slug

REV = "00000001"


def render(products, base):
    """The sitemap as XML text."""
    places = ["%s/p/%s/%s" % (base.rstrip("/"), product.sku, slug(product.name)) for product in products]
    urls = "".join("<url><loc>%s</loc></url>" % escape(place) for place in places)
    return '<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">%s</urlset>\n' % urls
