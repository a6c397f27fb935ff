// The service that is restarted: it tells a named pipe when its main() began
// and ends at once on TERM or INT. In C, so that what is measured is the
// reloader and not the start of an interpreter.
//
//   probe PIPE
//
// One line a start: pid, CLOCK_REALTIME and CLOCK_MONOTONIC in nanoseconds.

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static void leave(int signal) { _exit(0); }

static long long nanoseconds(clockid_t clock) {
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(int argc, char **argv) {
	long long real = nanoseconds(CLOCK_REALTIME), monotonic = nanoseconds(CLOCK_MONOTONIC);
	signal(SIGTERM, leave);
	signal(SIGINT, leave);
	if (argc != 2)
		return 2;
	int pipe = open(argv[1], O_WRONLY);
	if (pipe < 0)
		return 1;
	char line[80];
	int n = snprintf(line, sizeof line, "%d %lld %lld\n", (int)getpid(), real, monotonic);
	if (write(pipe, line, n) != n)
		return 1;
	close(pipe);
	for (;;)
		pause();
}
