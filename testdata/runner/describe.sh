#!/bin/sh
# Prints what a command gets: signals, and in describe.py the rest. The signals
# come first, since Python has its own ideas of them.
grep -E '^Sig(Blk|Ign):' /proc/$$/status | tr -s '\t' ' '
exec python3 describe.py
