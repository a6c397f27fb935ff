from django.apps import AppConfig


class FlourConfig(AppConfig):
    name = "flour"

    def ready(self):
        from . import checks, signals  # noqa: F401
