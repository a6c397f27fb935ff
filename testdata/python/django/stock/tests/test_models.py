from django.test import TestCase

from stock.models import Sack


class SackTest(TestCase):
    def test_name(self):
        self.assertEqual(str(Sack(name="a")), "a")
