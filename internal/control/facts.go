package control

import (
	"context"
	"net/http"
	"time"
)

// Facts are what an agent, or else a look at the tree, knows of a project beside
// its status.
type Facts struct {
	// Started is when the agent was, nil without one.
	Started *time.Time `json:"started"`
	// Watching is how changes are noticed, nil without an agent.
	Watching *Watching `json:"watching"`
	// Roots are the import roots, relative to the project.
	Roots    []string       `json:"roots"`
	Services []ServiceFacts `json:"services"`
	// Interpreters are the Pythons of the services.
	Interpreters []Interpreter `json:"interpreters"`
}

// Watching is how changes are noticed.
type Watching struct {
	// Source is "fsnotify", "notify" or "poll", Why a line saying why.
	Source string `json:"source"`
	Why    string `json:"why"`
	// Directories are watched, Polled of them by looking at them now and then;
	// Files is how many files are known.
	Directories int `json:"directories"`
	Polled      int `json:"polled"`
	Files       int `json:"files"`
	// Degraded says that directories are polled which should not have to be, or
	// that a file system does not answer.
	Degraded bool `json:"degraded"`
	// Batches counts the batches of changes, Rescans the walks after events that
	// were lost.
	Batches uint64 `json:"batches"`
	Rescans uint64 `json:"rescans"`
	// Held is what holds changes back, "" for nothing; Since when.
	Held  string     `json:"held,omitempty"`
	Since *time.Time `json:"since,omitempty"`
}

// ServiceFacts is what is known of what a service loads.
type ServiceFacts struct {
	Name string `json:"name"`
	// Entries are the modules or files that its process starts from; Unknown
	// says why there are none.
	Entries []string `json:"entries"`
	Unknown string   `json:"unknown,omitempty"`
	// Files and Packages are how many files of the project and installed
	// packages can change what it does.
	Files    int `json:"files"`
	Packages int `json:"packages"`
	// Interpreter is the path of its Python, "" when that is not known.
	Interpreter string `json:"interpreter,omitempty"`
	// Bytecode says what becomes of its bytecode.
	Bytecode string `json:"bytecode,omitempty"`
	// Notes are what a person should know before relying on it.
	Notes []string `json:"notes"`
}

// Interpreter is a Python that services run on.
type Interpreter struct {
	Path           string `json:"path"`
	Implementation string `json:"implementation,omitempty"`
	Version        string `json:"version,omitempty"`
	// Environment is the directory of its virtual environment, "" for none.
	Environment string `json:"environment,omitempty"`
	// Packages is how many are installed there; -1 when not known.
	Packages int `json:"packages"`
	// Problem says why nothing is known of it, "" when something is.
	Problem string `json:"problem,omitempty"`
}

// Facts asks for them.
func (c *Client) Facts(ctx context.Context) (Facts, error) { return get[Facts](ctx, c, "facts", nil) }

func getFacts(b Backend, w http.ResponseWriter, r *http.Request) error {
	out, err := b.Facts(r.Context())
	if err != nil {
		return err
	}
	return writeJSON(w, out)
}
