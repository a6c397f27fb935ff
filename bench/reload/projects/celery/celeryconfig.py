"""A broker without a server: files in a directory that no reloader watches."""

import os

from kombu.transport import TRANSPORT_ALIASES, filesystem

_dir = os.environ["BENCH_DIR"]
for _name in ("queue", "control", "results"):
    os.makedirs(os.path.join(_dir, _name), exist_ok=True)


class Transport(filesystem.Transport):
    """One that a worker leaves at once, as it does brokers that tell of messages.

    A worker looks whether it is to stop when nothing has come for two seconds;
    a stop would take five.
    """

    def drain_events(self, connection, timeout=None):
        return super().drain_events(connection, min(timeout or 0.02, 0.02))


TRANSPORT_ALIASES["filesystem"] = "celeryconfig:Transport"

broker_url = "filesystem://"
broker_transport_options = {
    "data_folder_in": os.path.join(_dir, "queue"),
    "data_folder_out": os.path.join(_dir, "queue"),
    "control_folder": os.path.join(_dir, "control"),
    "polling_interval": 0.005,
}
result_backend = "file://" + os.path.join(_dir, "results")
broker_connection_retry_on_startup = True
