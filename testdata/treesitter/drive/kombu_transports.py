# Which transport is loaded is chosen by the URL: each is resolved as a
# connection does.
import kombu
from kombu.transport import TRANSPORT_ALIASES, get_transport_cls

kombu.Connection("memory://").connect()
for name in TRANSPORT_ALIASES:
    try:
        get_transport_cls(name)
    except (ImportError, NameError, AttributeError):
        pass  # what this transport needs is not installed
