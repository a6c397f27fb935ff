package decider

import "bounce/watcher"

// Input is everything a decision depends on. Decide reads it and changes none
// of it.
type Input struct {
	// Batch has the changes to decide on. A Batch without changes asks only
	// whether services are stale, as after a crash or a resume.
	Batch watcher.Batch
	// Before and After are the import graph on both sides of the batch, so
	// that a deleted module still reaches its importers. Either may be nil:
	// nothing is imported.
	Before, After Graph
	Rules         Rules
	// Services are the services the agent owns, in any order.
	Services []Service
	// Broken are files that the services' interpreter refused to compile. One
	// holds a service that reaches it and whose last generation did not have
	// it like that: what already ran beside a broken file may do so again.
	Broken map[string]Problem
	// Cosmetic has the files of the batch that changed in nothing that
	// versions go by, as in comments.
	Cosmetic map[string]bool
	// Installed has the distributions that were installed, removed or replaced
	// since the last decision, by name: like the files of the batch they come
	// first among reasons.
	Installed map[string]bool
	// Files has the hash of every file of the tree, the batch applied. What is
	// owed for a file that is back to what it was is not owed any more. Nil:
	// nothing is known of files, and nothing is taken for undone.
	Files map[string]watcher.Hash
	// Owed is what the last plan owed, less what has been done since: see
	// [Plan].Owed.
	Owed Debts
	// Paused is what the operator or git holds back; nil for nothing.
	Paused *Hold
	// Classifier says that somebody can be asked about files that neither a
	// rule nor a service takes: [Plan].Ask has them, and the fallback waits.
	Classifier bool
	// Answers are what was learnt of files that earlier plans asked about.
	Answers []Answer
}

// Answer is what is known of changes that a plan asked about.
type Answer struct {
	// Changes are those of the batch that the plan answered.
	Changes []watcher.Change
	// Actions are what they call for; those that are not declared are left out.
	Actions []string
	// Failed says that there was no answer: the fallback is applied.
	Failed bool
}

// Graph is what the decider needs to know of imports. Services are known to it
// by name: which entries belong to which is the agent's to know.
type Graph interface {
	// Reaches reports whether a process of the service can load the file.
	Reaches(service, path string) bool
	// Chain returns the shortest chain of imports from an entry of the
	// service to path; empty when path is itself an entry, nil when it is not
	// reached.
	Chain(service, path string) []Link
	// Needs returns how a process of the service comes to load an installed
	// distribution: the chain of imports from an entry to the file that imports
	// it or another one, and from that one on what needs what. In place of a
	// file or a distribution there may be what else leads to it, in words. It
	// is nil when the service does not load it.
	Needs(service, distribution string) []Link
	// Dependents calls yield with every file that reaches one of paths,
	// themselves excluded, until yield returns false. Rules see these files
	// as if they had changed.
	Dependents(paths []string, yield func(path string, chain []Link) bool)
	// Between returns, for each file of to that a file of from imports,
	// directly or through others, a shortest chain of imports between them.
	// What is in from is left out.
	Between(from, to []string) map[string][]Link
}

// Service is what the decider needs to know of a service.
type Service struct {
	Name string
	// Order ranks restarts, lowest first. Configurations that leave it out
	// mean 100; 0 is an order like any other.
	Order int
	// Watch has globs of more files that make the service stale. They explain
	// a difference between Last and Now; that there is one, Now says.
	Watch []string
	// Env has the paths of its env files. They count by what they set, which
	// is in the part "environment" of Version.Start.
	Env []string
	// Up says that the service is meant to run.
	Up bool
	// Blocked is why the service cannot be started as it is now, whatever
	// changed, such as an env file that is gone; nil when it can. Its Service
	// is filled in.
	Blocked *Hold
	// Now is what a process that started now would load; Last is what the
	// last generation was started from, alive or dead; nil when none was.
	Now  Version
	Last *Version
}

// Problem is why a file does not compile, in the interpreter's words.
type Problem struct {
	Line int
	What string // "SyntaxError: '(' was never closed"
}
