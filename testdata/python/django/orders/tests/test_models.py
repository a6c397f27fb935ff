from django.test import TestCase

from orders.models import Order


class OrderTest(TestCase):
    def test_name(self):
        self.assertEqual(str(Order(name="a")), "a")
