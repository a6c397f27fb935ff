from django.http import JsonResponse

from .models import Grain
from .sieve import clean


def listing(request):
    return JsonResponse({"grain": clean(g.name for g in Grain.objects.all())})
