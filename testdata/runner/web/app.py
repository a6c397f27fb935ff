"""What the servers of the tests serve: the number of the generation."""
import os

GENERATION = os.environ["BOUNCE_GENERATION"].encode()


async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    headers = [(b"content-length", str(len(GENERATION)).encode()), (b"x-generation", GENERATION)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": GENERATION})


def wsgi(environ, start_response):
    start_response("200 OK", [("X-Generation", GENERATION.decode()), ("Content-Length", str(len(GENERATION)))])
    return [GENERATION]
