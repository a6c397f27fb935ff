assert (1, "always true")
x = 1 is 1
y = "\d"
