from django import template

register = template.Library()


@register.filter
def per_sack(price):
    return 25 * price
