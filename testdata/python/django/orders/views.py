from django.http import JsonResponse

from flour.models import Flour

from .forms import OrderForm


def place(request):
    form = OrderForm(request.GET)
    return JsonResponse({"valid": form.is_valid(), "flour": Flour.objects.count()})
