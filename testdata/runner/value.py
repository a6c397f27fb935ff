"""Prints the value of a module that tests edit."""
import sys
import time

sys.path.insert(0, sys.argv[1])
import edited

print("value", edited.value, flush=True)
time.sleep(1000)
