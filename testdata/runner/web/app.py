"""What the servers of the tests serve: the number of the generation. FAIL says
how it fails: on import, after it was ready, or by what it answers."""
import os
import threading
import time

GENERATION = os.environ["BOUNCE_GENERATION"].encode()
FAIL = os.environ.get("FAIL")
if FAIL == "import":
    time.sleep(1)
    raise ValueError("new code")
if FAIL == "later":
    threading.Timer(1.5, os._exit, [7]).start()
STATUS = 503 if FAIL == "answer" else 200


async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    headers = [(b"content-length", str(len(GENERATION)).encode()), (b"x-generation", GENERATION)]
    await send({"type": "http.response.start", "status": STATUS, "headers": headers})
    await send({"type": "http.response.body", "body": GENERATION})


def wsgi(environ, start_response):
    start_response("200 OK", [("X-Generation", GENERATION.decode()), ("Content-Length", str(len(GENERATION)))])
    return [GENERATION]
