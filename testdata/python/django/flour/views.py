from django.views.generic import ListView

from .models import Flour


class Shelf(ListView):
    model = Flour
    template_name = "flour/shelf.html"
