from django.contrib import admin

from .models import Flour

admin.site.register(Flour)
