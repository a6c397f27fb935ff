from django.urls import path

import catalog.views
import customers.views
import orders.views

urlpatterns = [
    path("", catalog.views.revision),
    path("catalog/", catalog.views.items),
    path("orders/", orders.views.orders),
    path("customers/", customers.views.customers),
]
