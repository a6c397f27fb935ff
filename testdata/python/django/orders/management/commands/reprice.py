from django.core.management.base import BaseCommand

from orders.pricing import raised


class Command(BaseCommand):
    def add_arguments(self, parser):
        parser.add_argument("percent", type=int)

    def handle(self, percent, **options):
        self.stdout.write(str(raised(100, percent)))
