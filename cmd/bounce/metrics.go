package main

import (
	"fmt"
	"io"
	"strings"

	"bounce/internal/control"
)

// metric is one of the text format of Prometheus, with its samples.
type metric struct {
	name, kind, help string
	samples          []sample
}

// sample is a value with its labels: names and values in turn.
type sample struct {
	labels []string
	value  float64
}

// writeMetrics prints the status in the text format of Prometheus, version
// 0.0.4.
func writeMetrics(w io.Writer, st control.Status) error {
	for _, m := range metricsOf(st) {
		if len(m.samples) == 0 {
			continue
		}
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", m.name, m.help, m.name, m.kind)
		for _, s := range m.samples {
			if _, err := fmt.Fprintf(w, "%s{%s} %v\n", m.name, labels(s.labels), s.value); err != nil {
				return err
			}
		}
	}
	return nil
}

// labels writes names and values, given in turn.
func labels(pairs []string) string {
	escape := strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
	var words []string
	for i := 0; i+1 < len(pairs); i += 2 {
		words = append(words, fmt.Sprintf(`%s="%s"`, pairs[i], escape.Replace(pairs[i+1])))
	}
	return strings.Join(words, ",")
}

// measures are what is measured of the processes of a service.
var measures = []struct {
	name, help string
	of         func(control.Amounts) float64
}{
	{"processes", "Processes of the service", func(a control.Amounts) float64 { return float64(a.Processes) }},
	{"threads", "Threads of its processes", func(a control.Amounts) float64 { return float64(a.Threads) }},
	{"open_files", "File descriptors of its processes", func(a control.Amounts) float64 { return float64(a.FDs) }},
	{"memory_bytes", "Resident memory of its processes", func(a control.Amounts) float64 { return float64(a.RSS) }},
	{"cpu_ratio", "Cores that its processes use", func(a control.Amounts) float64 { return a.CPU / 100 }},
}

// metricsOf says what a status measures.
func metricsOf(st control.Status) []*metric {
	var all []*metric
	add := func(kind, name, help string) *metric {
		m := &metric{name: "bounce_" + name, kind: kind, help: help}
		all = append(all, m)
		return m
	}
	put := func(m *metric, value float64, labels ...string) {
		m.samples = append(m.samples, sample{labels, value})
	}
	truth := func(is bool) float64 {
		if is {
			return 1
		}
		return 0
	}
	put(add("gauge", "agent_info", "The agent; always 1."), 1, "version", st.Agent.Version, "state", string(st.Agent.State), "project", st.Agent.Project)
	put(add("gauge", "agent_python_files", "Python files in the import graph."), float64(st.Agent.Files), "project", st.Agent.Project)
	put(add("gauge", "actions_owed", "Actions that were asked for and are not done."), float64(len(st.Actions)), "project", st.Agent.Project)

	at := add("gauge", "service_at_target", "1 when the service is where it should be.")
	state := add("gauge", "service_state", "The state of the service; always 1.")
	stale := add("gauge", "service_stale", "1 when the process runs older files than there are.")
	held := add("gauge", "service_held", "1 when something holds a change back.")
	generation := add("gauge", "service_generation", "Number of the generation.")
	restarts := add("counter", "service_restarts_total", "Restarts by what asked for them.")
	uptime := add("gauge", "service_uptime_seconds", "Time since the process was started.")
	now, most := make([]*metric, len(measures)), make([]*metric, len(measures))
	for i, m := range measures {
		now[i] = add("gauge", "service_"+m.name, m.help+".")
		most[i] = add("gauge", "service_"+m.name+"_max", m.help+", the most since the process was started.")
	}
	for _, s := range st.Services {
		put(at, truth(s.AtTarget()), "service", s.Name)
		put(state, 1, "service", s.Name, "state", s.State)
		put(stale, truth(s.Stale), "service", s.Name)
		put(held, truth(s.Hold != nil), "service", s.Name)
		put(generation, float64(s.Generation), "service", s.Name)
		put(restarts, float64(s.Restarts.Change), "service", s.Name, "cause", "change")
		put(restarts, float64(s.Restarts.Crash), "service", s.Name, "cause", "crash")
		put(restarts, float64(s.Restarts.Operator), "service", s.Name, "cause", "operator")
		if s.PID != nil {
			put(uptime, s.UptimeS, "service", s.Name)
		}
		if u := s.Usage; u != nil {
			for i, m := range measures {
				put(now[i], m.of(u.Amounts), "service", s.Name)
				put(most[i], m.of(u.Max), "service", s.Name)
			}
		}
	}
	return all
}
