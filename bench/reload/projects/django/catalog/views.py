from django.http import HttpResponse, JsonResponse

from catalog import prices
from catalog.models import Item


def revision(request):
    return HttpResponse(prices.REVISION, content_type="text/plain")


def items(request):
    return JsonResponse({i.name: i.cents for i in Item.objects.all()} or prices.PRICES)
