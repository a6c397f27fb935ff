"""Says which signal it gets when the thread that made it ends
(PR_GET_PDEATHSIG); 0 is none."""
import ctypes
import signal

got = ctypes.c_int(-1)
assert ctypes.CDLL(None).prctl(2, ctypes.byref(got), 0, 0, 0) == 0
print("deathsig", got.value, flush=True)
signal.pause()
