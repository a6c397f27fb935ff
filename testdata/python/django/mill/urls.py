from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("grain/", include("grain.urls")),
    path("flour/", include("flour.urls", namespace="flour")),
    path("orders/", include(("orders.urls", "orders"))),
]
