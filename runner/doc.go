// Package runner runs services: it starts their processes, watches them become
// ready, restarts them as plans, operators and crashes ask for, and ends them
// with everything that came of them.
package runner
