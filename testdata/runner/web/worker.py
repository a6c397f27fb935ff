"""A worker of gunicorn that can be asked to abort and to hang."""
import os
import time

GENERATION = os.environ["BOUNCE_GENERATION"].encode()


def wsgi(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/abort":
        os.abort()
    if path == "/hang":
        print("hangs", flush=True)
        time.sleep(1000)
    start_response("200 OK", [("X-Generation", GENERATION.decode()), ("Content-Length", str(len(GENERATION)))])
    return [GENERATION]
