from django.test import TestCase

from ledger.models import Entry


class EntryTest(TestCase):
    def test_name(self):
        self.assertEqual(str(Entry(name="a")), "a")
