from .hours import opening


def opening_hours(request):
    return {"opening": opening()}
