"""A service that leaves processes behind, each of another kind. The arguments
name the kinds; each is printed with its pid, then "up"."""
import os
import signal
import subprocess
import sys
import time

SLEEP = ["sleep", "1000"]


def child():
    """A plain child."""
    return subprocess.Popen(SLEEP).pid


def session():
    """A child in a session of its own."""
    return subprocess.Popen(SLEEP, start_new_session=True).pid


def scrubbed():
    """A child in a session of its own that has forgotten its environment."""
    return subprocess.Popen(["/bin/sleep", "1000"], start_new_session=True, env={}).pid


def daemon(env=None):
    """A daemon: forked twice, its parent gone, in a session of its own."""
    read, write = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(write, str(os.getpid()).encode())
            null = os.open(os.devnull, os.O_RDWR)
            if env is None:
                for fd in range(3):
                    os.dup2(null, fd)
            os.execve("/bin/sleep", SLEEP, os.environ if env is None else env)
        os._exit(0)
    os.wait()
    return int(os.read(read, 20))


def scrubbed_daemon():
    """A daemon without environment that still has our output."""
    return daemon({})


def vanished():
    """A daemon that has neither our environment nor our output."""
    read, write = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            null = os.open(os.devnull, os.O_RDWR)
            for fd in range(3):
                os.dup2(null, fd)
            os.write(write, str(os.getpid()).encode())
            os.execve("/bin/sleep", SLEEP, {})
        os._exit(0)
    os.wait()
    return int(os.read(read, 20))


def stubborn():
    """A child that ignores TERM."""
    return subprocess.Popen(SLEEP, preexec_fn=lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN)).pid


def stopped():
    """A child that is stopped."""
    p = subprocess.Popen(SLEEP, start_new_session=True)
    os.kill(p.pid, signal.SIGSTOP)
    return p.pid


for name in sys.argv[1:]:
    if name == "exit":
        print("up", flush=True)
        sys.exit(1)
    print(name, globals()[name](), flush=True)
print("up", flush=True)
time.sleep(1000)
