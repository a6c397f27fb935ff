x = "\udcff" f"{x!z}"
