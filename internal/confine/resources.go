package confine

// Resources are the names of what can be limited, sorted: those that systemd
// and limits.conf have. Limits are in bytes, but for cpu (seconds), locks
// (locks of files), msgqueue (bytes), nice (20 less the lowest niceness), nofile
// (the highest descriptor, plus one), nproc (processes and threads of the
// user), rtprio (a priority), rttime (microseconds) and sigpending (signals).
func Resources() []string {
	return []string{
		"as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue",
		"nice", "nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack",
	}
}
