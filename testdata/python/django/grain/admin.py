from django.contrib import admin

from .models import Grain

admin.site.register(Grain)
