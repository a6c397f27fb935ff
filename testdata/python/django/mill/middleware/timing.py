from time import perf_counter


class Timing:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        start = perf_counter()
        response = self.get_response(request)
        response["Server-Timing"] = "app;dur=%.1f" % (1000 * (perf_counter() - start))
        return response
