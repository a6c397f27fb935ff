package runner

// ServiceOf returns the service that a process belongs to, of the agent whose
// [Options.Run] is run; "" for any other process. What a service starts counts
// as its own, wherever it goes, until it drops its environment; what its hooks start does not.
func ServiceOf(pid int, run string) string {
	m, ok := readMark(pid)
	if !ok || m.run != run || m.hook != "" {
		return ""
	}
	return m.service
}
