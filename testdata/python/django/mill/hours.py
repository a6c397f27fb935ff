def opening():
    return "7 to 17"
