from django.http import JsonResponse

from customers.models import Customer


def customers(request):
    return JsonResponse({"customers": list(Customer.objects.values_list("city", flat=True))})
