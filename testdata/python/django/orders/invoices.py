def text(number):
    return "Invoice %d" % number
