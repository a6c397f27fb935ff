def hours(tons):
    return 3 * tons
