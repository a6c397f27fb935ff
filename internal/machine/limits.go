package machine

// Limit is something of which a process may have only so much.
type Limit struct {
	// Name says what, for people.
	Name string `json:"name"`
	// Used is how many the process has, Max how many it may have; of what its
	// user has as a whole, when Shared.
	Used int64 `json:"used"`
	Max  int64 `json:"max"`
	// Shared says that all processes of the user share them, so that less than
	// Max-Used may be left.
	Shared bool `json:"shared"`
	// Raise says what raises it.
	Raise string `json:"raise"`
}

// Short reports whether it is nearly used up.
func (l Limit) Short() bool { return l.Max > 0 && l.Used*5 >= l.Max*4 }
