from django.test import TestCase

from grain.models import Grain


class GrainTest(TestCase):
    def test_name(self):
        self.assertEqual(str(Grain(name="a")), "a")
