from django.contrib.auth.backends import BaseBackend


class Keyring(BaseBackend):
    """Knows nobody yet."""
