package treesitter

import (
	"slices"
	"strings"
)

// Django's management commands, and the migrations that some of them load, are
// found by the place they are in, and only by a process that runs commands: a
// server or a worker has no use for them. So naming an application in
// INSTALLED_APPS does not lead there; what runs commands does.

// runsCommands reports whether an import statement gets at what runs commands.
func runsCommands(st *Statement) bool {
	const management = "django.core.management"
	named := func(names ...string) bool {
		return slices.ContainsFunc(st.Names, func(n Name) bool { return slices.Contains(names, n.Name) })
	}
	switch {
	case st.Level > 0:
		return false
	case st.Kind == Import:
		return named(management)
	case st.Kind == Star:
		return st.Module == management
	case st.Kind == From && st.Module == "django.core":
		return named("management")
	case st.Kind == From && st.Module == management:
		return named("call_command", "execute_from_command_line", "ManagementUtility")
	}
	return false
}

// ofCommands reports whether a module is one that only commands load.
func ofCommands(name string) bool {
	for part := range strings.SplitSeq(name, ".") {
		if part == "migrations" || part == "management" {
			return true
		}
	}
	return false
}

// served reports whether an application's module is one that every process of
// the project may load.
func served(name string) bool { return notTest(name) && !ofCommands(name) }

// commands returns the files of all modules that only commands load.
func (n *names) commands() []id {
	if n.ofCommands == nil {
		n.ofCommands = []id{} // not nil: sought
		n.walk(n.top, "", func(name string, m *module) bool {
			if ofCommands(name) && notTest(name) {
				n.ofCommands = append(n.ofCommands, m.files...)
			}
			return true
		})
	}
	return n.ofCommands
}
