from django.urls import path

from .views import Shelf

app_name = "flour"
urlpatterns = [path("", Shelf.as_view(), name="shelf")]
