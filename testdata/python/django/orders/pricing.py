def raised(price, percent):
    return price + price * percent // 100
