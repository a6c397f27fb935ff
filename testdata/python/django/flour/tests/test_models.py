from django.test import TestCase

from flour.models import Flour


class FlourTest(TestCase):
    def test_name(self):
        self.assertEqual(str(Flour(name="a")), "a")
