// Package smartrestart decides as smart-restart 0.1.0 does, bit for bit, for
// those who have come to rely on what it overlooks: bounce decide --compat.
// What a decision ought to be is said by package decider.
//
// It promises the same actions, the same words on standard error and the same
// exit code for the same rule file, list of paths and tree. Rule files are read
// as PyYAML reads them, with the scalars of YAML 1.1 (value.go, yaml.go), and
// mistakes in them count when a file comes upon them (rules.go). The import
// graph is its graph, with its gaps (graph.go).
//
// Where smart-restart ends with a traceback, the exit code is the same and the
// words are ours. What it makes of a Python file depends on the version of the
// interpreter that it runs in: here a file has a syntax error when tree-sitter
// says so. File names and standard input that are not UTF-8 are taken as they
// are; what it does with them depends on the locale.
package smartrestart
