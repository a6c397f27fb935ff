package watcher

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"bounce/internal/git"
)

// TestScripts runs testdata/watcher/*.txtar over every source. A script lays
// out a tree in $WORK/tree and starts there. Beside the commands of testscript:
//
//	watch [KEY=VALUE...]   open a watcher on the tree and take its first batch;
//	                       roots, ignore, include, named and follow take lists with commas,
//	                       absent, quiet and audit durations, excludes and cache
//	                       a file;
//	                       backend=auto leaves the source to the watcher;
//	                       gate=DIR holds while DIR/lock is there, whose lines say
//	                       what is under way; gate=git asks git's files;
//	                       overridden leaves out what the one before was told to
//	first PATH...          the first batch must have had these files
//	read PATH...           these files were read since the watcher was opened
//	batch CHANGE... [/ CHANGE...]  flush; then these batches, and no other, must
//	                       have come: +created ~modified -deleted; none given: no batch;
//	                       two signs, as in ++a, say that it is for a name alone
//	total CHANGE...        the same, in however many batches
//	name [PATH...]         have these paths watched by their names, and no others
//	same                   flush; what came must add up to what an independent walk finds
//	await [TIME] CHANGE... wait, without a flush, for the next batch: it must be this,
//	                       and not come later
//	cause PATTERN          the last batch's cause must match
//	busy, idle             stop and resume taking batches
//	stall FILE             append to FILE, and keep the watcher at the event of that,
//	                       where there are events
//	resume                 let it go on: what was done since is there at once
//	held REASON            Flush must say that the tree is held, and why
//	override               end the hold
//	write FILE [TEXT]      in place, as "echo TEXT >FILE"
//	append FILE TEXT
//	touch FILE
//	back FILE TEXT         rewrite with the same size and put the old time back
//	mmap FILE TEXT         rewrite with the same size through mmap
//	save EDITOR FILE TEXT  as that editor does
//	fill DIR N             write N files FILE1.py ... below DIR, in new directories
//	churn DIR N            make DIR with a file and remove it, N times, at last make it
//	deep N                 make N directories, one in the other, with names of 100 bytes,
//	                       and in the last a file a.py
//	dirs N                 N directories must be watched
//	noted TEXT             a note must contain TEXT; it comes soon, if not yet
//	degraded [TEXT]        the status must be degraded, and say TEXT; not without one
//	silent TEXT            the status must be degraded, and say TEXT; no flush
//	close [TEXT]           end the watcher; it must say TEXT if it cannot
//	backend NAME           the source in use
//	mirror DIR TARGET      mount a file system that shows DIR (Linux)
//	hang, unhang           it does not answer, and does again
//	limit watches|instances N  what this namespace may have of inotify (Linux)
//
// An argument in double quotes is a Go string: "\xff" is one byte.
//
// Scripts in directories of testdata/watcher run in namespaces; see
// TestNamespaces.
func TestScripts(t *testing.T) {
	commands := maps.Clone(scriptCommands)
	maps.Copy(commands, map[string]func(*testscript.TestScript, bool, []string){
		"watch":    withScript((*script).watch),
		"first":    withScript((*script).checkFirst),
		"read":     withScript((*script).checkRead),
		"batch":    withScript((*script).batch),
		"total":    withScript((*script).total),
		"name":     withScript(func(s *script, ts *testscript.TestScript, args []string) { s.w.Name(args) }),
		"await":    withScript((*script).await),
		"same":     withScript((*script).same),
		"cause":    withScript((*script).cause),
		"busy":     withScript(func(s *script, ts *testscript.TestScript, _ []string) { s.collector.pause <- true }),
		"idle":     withScript(func(s *script, ts *testscript.TestScript, _ []string) { s.collector.pause <- false }),
		"stall":    withScript((*script).stall),
		"resume":   withScript(func(s *script, ts *testscript.TestScript, _ []string) { s.stalled.resume() }),
		"held":     withScript((*script).held),
		"override": withScript(func(s *script, ts *testscript.TestScript, _ []string) { s.w.Override() }),
		"dirs":     withScript((*script).dirs),
		"noted":    withScript((*script).noted),
		"degraded": withScript((*script).degraded),
		"silent":   withScript((*script).silent),
		"close":    withScript((*script).end),
		"backend":  withScript((*script).isBackend),
		"fill":     fill,
		"deep":     deep,
		"churn":    churn,
		"write":    fileCommand(write),
		"append":   fileCommand(appendTo),
		"touch":    fileCommand(touchFile),
		"back":     fileCommand(backdate),
		"mmap":     fileCommand(mmapWrite),
		"save":     save,
	})
	for _, b := range []Backend{FSNotify, Notify, Poll} {
		t.Run(string(b), func(t *testing.T) {
			testscript.Run(t, testscript.Params{
				Dir: filepath.Join("..", "testdata", "watcher", os.Getenv(scriptsVariable)),
				Setup: func(e *testscript.Env) error {
					e.Cd = filepath.Join(e.WorkDir, "tree")
					s := &script{backend: b, dir: e.Cd}
					e.Values[scriptKey{}] = s
					e.Defer(s.close)
					e.Setenv("SOURCE", string(b))
					e.Setenv("NAMESPACE", os.Getenv(scriptsVariable))
					e.Setenv("HOME", e.WorkDir)
					e.Setenv("GIT_CONFIG_NOSYSTEM", "1")
					for _, who := range []string{"AUTHOR", "COMMITTER"} {
						e.Setenv("GIT_"+who+"_NAME", "Test")
						e.Setenv("GIT_"+who+"_EMAIL", "test@example.com")
					}
					return os.MkdirAll(e.Cd, 0o755)
				},
				Cmds: commands,
				Condition: func(cond string) (bool, error) {
					return cond == string(b) || cond == "loop" && loopDevices(), nil
				},
			})
		})
	}
}

// scriptsVariable names the directory of the scripts to run in this process.
const scriptsVariable = "BOUNCE_TEST_SCRIPTS"

// scriptCommands has those of one platform.
var scriptCommands = make(map[string]func(*testscript.TestScript, bool, []string))

// loopDevices reports whether a file can be mounted.
func loopDevices() bool {
	f, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return false
	}
	f.Close()
	mapping, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && len(strings.Fields(string(mapping))) == 3 && strings.Fields(string(mapping))[2] == "4294967295"
}

type scriptKey struct{}

// script is the state of one running script.
type script struct {
	backend   Backend
	dir       string
	w         *Watcher
	reader    *notingReader
	collector *collector
	first     Batch
	taken     int // batches that were checked
	notes     chan string
	stalled   stalled
	mirror    *os.Process // behind the mount, if any
}

func withScript(f func(*script, *testscript.TestScript, []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg {
			ts.Fatalf("this command cannot be negated")
		}
		f(ts.Value(scriptKey{}).(*script), ts, unquoted(args))
	}
}

func (s *script) watch(ts *testscript.TestScript, args []string) {
	var overridden []string
	if s.w != nil {
		overridden = s.w.Status().Overridden
	}
	s.close()
	s.notes = make(chan string, 1000)
	o := Options{
		Dir: s.dir, Backend: s.backend,
		// On a busy machine two lines of a script may be some time apart.
		Quiet:  50 * time.Millisecond,
		Absent: 60 * time.Millisecond, PollInterval: 30 * time.Millisecond, Audit: -1, share: 0.5,
		Note: func(n Note) { s.notes <- n.Text },
	}
	for _, a := range args {
		key, value, _ := strings.Cut(a, "=")
		list := strings.Split(value, ",")
		switch key {
		case "dir":
			o.Dir = ts.MkAbs(value)
		case "roots":
			o.Roots = list
		case "ignore":
			o.Ignore = list
		case "include":
			o.Include = list
		case "named":
			o.Named = list
		case "follow":
			o.Follow = list
		case "gate":
			o.Gate = &fileGate{ts.MkAbs(value)}
			if value == "git" {
				repos, err := git.OpenAll(s.dir, func(text string) { s.notes <- text })
				ts.Check(err)
				o.Gate = repos
			}
		case "overridden":
			o.Overridden = overridden
		case "backend":
			o.Backend = Backend(value)
		case "excludes":
			o.Excludes = ts.MkAbs(value)
		case "cache":
			o.Cache = ts.MkAbs(value)
		case "absent", "audit", "quiet", "patience":
			d, err := time.ParseDuration(value)
			ts.Check(err)
			*map[string]*time.Duration{"absent": &o.Absent, "audit": &o.Audit, "quiet": &o.Quiet, "patience": &o.patience}[key] = d
		default:
			ts.Fatalf("watch: no option %q", key)
		}
	}
	s.reader = &notingReader{diskReader: diskReader{func(p string) string { return filepath.Join(o.Dir, p) }}, paths: make(map[string]bool)}
	o.Reader = s.reader
	o.Expect = s.stalled.wait
	w, err := Open(context.Background(), o)
	ts.Check(err)
	s.w, s.taken = w, 0
	s.first = <-w.Batches()
	if !s.first.Initial {
		ts.Fatalf("the first batch is not initial")
	}
	s.collector = collect(w)
}

func (s *script) close() {
	s.stalled.resume()
	if s.w != nil {
		s.w.Close()
		<-s.collector.done
		s.w = nil
	}
}

func (s *script) checkFirst(ts *testscript.TestScript, args []string) {
	var want []string
	for _, a := range args {
		want = append(want, "+"+a)
	}
	if got := format(s.first); got != strings.Join(want, " ") {
		ts.Fatalf("first batch: %s", got)
	}
}

// notingReader notes what is read.
type notingReader struct {
	diskReader
	mu    sync.Mutex
	paths map[string]bool
}

func (r *notingReader) Read(path string) (Content, error) {
	r.mu.Lock()
	r.paths[path] = true
	r.mu.Unlock()
	return r.diskReader.Read(path)
}

func (s *script) checkRead(ts *testscript.TestScript, args []string) {
	s.reader.mu.Lock()
	defer s.reader.mu.Unlock()
	if got := slices.Sorted(maps.Keys(s.reader.paths)); !slices.Equal(got, args) {
		ts.Fatalf("read: %q", got)
	}
}

func (s *script) batch(ts *testscript.TestScript, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	ts.Check(s.w.Flush(ctx))
	all := s.collector.batches()
	var got []string
	for _, b := range all[s.taken:] {
		got = append(got, format(b))
	}
	s.taken = len(all)
	if want := strings.Join(args, " "); strings.Join(got, " / ") != want {
		ts.Fatalf("batches: %s\nwant:    %s", strings.Join(got, " / "), want)
	}
}

func (s *script) total(ts *testscript.TestScript, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	ts.Check(s.w.Flush(ctx))
	all := s.collector.batches()
	var sum Batch
	for _, b := range all[s.taken:] {
		sum.Changes = append(sum.Changes, b.Changes...)
	}
	s.taken = len(all)
	slices.SortStableFunc(sum.Changes, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	if got, want := format(sum), strings.Join(args, " "); got != want {
		ts.Fatalf("batches: %s\nwant:    %s", got, want)
	}
}

func (s *script) await(ts *testscript.TestScript, args []string) {
	began, late := time.Now(), time.Hour
	if d, err := time.ParseDuration(args[0]); err == nil {
		late, args = d, args[1:]
	}
	b, ok := s.collector.wait(s.taken)
	if took := time.Since(began); !ok || took > late {
		ts.Fatalf("no batch came; waited %v", took)
	}
	s.taken++
	if got, want := format(b), strings.Join(args, " "); got != want {
		ts.Fatalf("batch: %s\nwant:  %s", got, want)
	}
}

func (s *script) same(ts *testscript.TestScript, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	ts.Check(s.w.Flush(ctx))
	all := s.collector.batches()
	s.taken = len(all)
	table := make(map[string]Hash)
	for _, b := range append([]Batch{s.first}, all...) {
		ts.Check(addUp(table, b))
	}
	want, err := walk(s.dir)
	ts.Check(err)
	if !maps.Equal(table, want) {
		ts.Fatalf("batches add up to %v\nthe tree has %v", keys(table), keys(want))
	}
}

func (s *script) cause(ts *testscript.TestScript, args []string) {
	all := s.collector.batches()
	if want := strings.Join(args, " "); len(all) == 0 || !regexp.MustCompile("^("+want+")$").MatchString(all[len(all)-1].Cause) {
		ts.Fatalf("causes: %q", causes(all))
	}
}

func causes(all []Batch) []string {
	var causes []string
	for _, b := range all {
		causes = append(causes, b.Cause)
	}
	return causes
}

func (s *script) held(ts *testscript.TestScript, args []string) {
	var held *HeldError
	if err := s.w.Flush(context.Background()); !errors.As(err, &held) {
		ts.Fatalf("flush: %v, want a HeldError", err)
	}
	want := strings.ReplaceAll(strings.Join(args, " "), "DIR", s.w.options.Dir)
	if held.Reason != want || held.Since.IsZero() {
		ts.Fatalf("held: %+v, want %q", held, want)
	}
	if st := s.w.Status(); st.Held != want {
		ts.Fatalf("status: %+v", st)
	}
}

func (s *script) dirs(ts *testscript.TestScript, args []string) {
	ts.Check(s.w.Flush(context.Background()))
	if got := strconv.Itoa(s.w.Status().Dirs); got != args[0] {
		ts.Fatalf("%s directories are watched", got)
	}
}

func (s *script) noted(ts *testscript.TestScript, args []string) {
	want := strings.Join(args, " ")
	var all []string
	late := time.After(10 * time.Second)
	for {
		select {
		case n := <-s.notes:
			if strings.Contains(n, want) {
				return
			}
			all = append(all, n)
		case <-late:
			ts.Fatalf("notes: %q", all)
		}
	}
}

func (s *script) stall(ts *testscript.TestScript, args []string) {
	reached := s.stalled.begin()
	ts.Check(appendTo(ts.MkAbs(args[0]), "stalled"))
	if s.backend == Poll {
		return // it looks when it likes
	}
	select {
	case <-reached:
	case <-time.After(10 * time.Second):
		ts.Fatalf("no event came")
	}
}

// stalled keeps the loop of a watcher where it hears of a file.
type stalled struct {
	mu      sync.Mutex
	reached chan struct{} // closed when it is kept; nil: it goes on
	over    chan struct{} // closed when it may go on
}

func (s *stalled) begin() (reached <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reached, s.over = make(chan struct{}), make(chan struct{})
	return s.reached
}

// wait is called by the loop.
func (s *stalled) wait(string) {
	s.mu.Lock()
	reached, over := s.reached, s.over
	s.reached = nil
	s.mu.Unlock()
	if reached != nil {
		close(reached)
		<-over
	}
}

func (s *stalled) resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over != nil {
		close(s.over)
		s.reached, s.over = nil, nil
	}
}

func (s *script) degraded(ts *testscript.TestScript, args []string) {
	ts.Check(s.w.Flush(context.Background()))
	st, want := s.w.Status(), strings.Join(args, " ")
	if st.Degraded != (want != "") || !strings.Contains(st.Why, want) {
		ts.Fatalf("status: %+v", st)
	}
}

func (s *script) silent(ts *testscript.TestScript, args []string) {
	if st, want := s.w.Status(), strings.Join(args, " "); !st.Degraded || !strings.Contains(st.Why, want) {
		ts.Fatalf("status: %+v", st)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if err := s.w.Flush(ctx); err == nil || !strings.Contains(err.Error(), "has not answered") {
		ts.Fatalf("flush: %v", err)
	}
}

func (s *script) end(ts *testscript.TestScript, args []string) {
	want := strings.Join(args, " ")
	if err := s.w.Close(); fmt.Sprint(err) != want && (err == nil || want == "" || !strings.Contains(err.Error(), want)) {
		ts.Fatalf("close: %v", err)
	}
}

func (s *script) isBackend(ts *testscript.TestScript, args []string) {
	if st := s.w.Status(); string(st.Backend) != args[0] {
		ts.Fatalf("status: %+v", st)
	}
}

// format prints the changes of a batch as scripts write them.
func format(b Batch) string {
	var out []string
	for _, c := range b.Changes {
		sign := map[Kind]string{Created: "+", Modified: "~", Deleted: "-"}[c.Kind]
		if c.Named {
			sign += sign
		}
		out = append(out, sign+c.Path)
		if (c.Old == Hash{}) != (c.Kind == Created) || (c.New == Hash{}) != (c.Kind == Deleted) || c.Old == c.New {
			out = append(out, "(hashes do not fit)")
		}
	}
	return strings.Join(out, " ")
}

// A collector takes batches as they come, unless paused.
type collector struct {
	pause chan bool
	ask   chan chan []Batch
	more  chan waitFor
	done  chan struct{}
}

type waitFor struct {
	n     int
	reply chan Batch
}

func collect(w *Watcher) *collector {
	c := &collector{make(chan bool), make(chan chan []Batch), make(chan waitFor), make(chan struct{})}
	go func() {
		defer close(c.done)
		var all []Batch
		var waiting []waitFor
		in := w.Batches()
		for {
			for i := 0; i < len(waiting); {
				if waiting[i].n < len(all) {
					waiting[i].reply <- all[waiting[i].n]
					waiting = append(waiting[:i], waiting[i+1:]...)
					continue
				}
				i++
			}
			select {
			case b, ok := <-in:
				if !ok {
					return
				}
				all = append(all, b)
			case p := <-c.pause:
				if in = w.Batches(); p {
					in = nil
				}
			case reply := <-c.ask:
				reply <- append([]Batch(nil), all...)
			case f := <-c.more:
				waiting = append(waiting, f)
			case <-w.done:
				return
			}
		}
	}()
	return c
}

// batches returns those taken so far.
func (c *collector) batches() []Batch {
	reply := make(chan []Batch, 1)
	c.ask <- reply
	return <-reply
}

// wait returns batch n, waiting for it to come.
func (c *collector) wait(n int) (Batch, bool) {
	reply := make(chan Batch, 1)
	c.more <- waitFor{n, reply}
	select {
	case b := <-reply:
		return b, true
	case <-time.After(10 * time.Second):
		return Batch{}, false
	}
}

// fileGate holds while there is a file "lock" in dir; its text is the reason.
// The text of a file "cause" is the cause.
type fileGate struct{ dir string }

func (g *fileGate) Dirs() []string { return []string{g.dir} }

func (g *fileGate) WorkTree(string) {}

func (g *fileGate) Held() []string {
	text, _ := os.ReadFile(filepath.Join(g.dir, "lock"))
	return slices.DeleteFunc(strings.Split(string(text), "\n"), func(s string) bool { return s == "" })
}

func (g *fileGate) Cause() string {
	text, _ := os.ReadFile(filepath.Join(g.dir, "cause"))
	os.Remove(filepath.Join(g.dir, "cause"))
	return strings.TrimSpace(string(text))
}

func fileCommand(f func(name, text string) error) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		args = unquoted(args)
		ts.Check(f(ts.MkAbs(args[0]), strings.Join(args[1:], " ")))
	}
}

// unquoted turns Go strings into what they stand for.
func unquoted(args []string) []string {
	args = slices.Clone(args)
	for i, a := range args {
		if s, err := strconv.Unquote(a); err == nil && a[0] == '"' {
			args[i] = s
		}
	}
	return args
}

// fill writes files as fast as it can, each below a directory of its own that
// was made a moment before.
func fill(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	for i := range n {
		name := filepath.Join(ts.MkAbs(args[0]), fmt.Sprint(i%10), fmt.Sprint(i/10), "x", "y", "z.py")
		ts.Check(os.MkdirAll(filepath.Dir(name), 0o755))
		ts.Check(write(name, fmt.Sprint(i)))
	}
}

// churn has one name stand for many directories, each with a watch of its own.
func churn(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	for i := range n {
		dir := ts.MkAbs(args[0])
		ts.Check(os.RemoveAll(dir))
		ts.Check(os.MkdirAll(filepath.Join(dir, "sub"), 0o755))
		ts.Check(write(filepath.Join(dir, "sub", "z.py"), fmt.Sprint(i)))
	}
}

// deep makes directories whose paths are soon longer than the system takes.
func deep(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	root, err := os.OpenRoot(ts.MkAbs("."))
	ts.Check(err)
	for range n {
		name := strings.Repeat("d", 100)
		ts.Check(root.Mkdir(name, 0o755))
		inner, err := root.OpenRoot(name)
		ts.Check(err)
		ts.Check(root.Close())
		root = inner
	}
	f, err := root.Create("a.py")
	ts.Check(err)
	ts.Check(f.Close())
	ts.Check(root.Close())
}

func write(name, text string) error {
	if text != "" {
		text += "\n"
	}
	return os.WriteFile(name, []byte(text), 0o644)
}

func appendTo(name, text string) error {
	f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(text + "\n")
	return err
}

func touchFile(name, _ string) error {
	now := time.Now()
	return os.Chtimes(name, now, now)
}

func backdate(name, text string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if info.Size() != int64(len(text)+1) {
		return fmt.Errorf("%s has %d bytes", name, info.Size())
	}
	if err := write(name, text); err != nil {
		return err
	}
	return os.Chtimes(name, info.ModTime(), info.ModTime())
}

// save does to a file what a save in the editor does to it.
func save(ts *testscript.TestScript, neg bool, args []string) {
	name, text := ts.MkAbs(args[1]), strings.Join(args[2:], " ")
	dir, base := filepath.Split(name)
	steps, ok := map[string][]func() error{
		"code": {func() error { return write(name, text) }},
		"vim": { // backupcopy=auto, on the way of rename
			func() error { return write(dir+"."+base+".swp", "swap") },
			func() error { return write(dir+"4913", "") },
			func() error { return os.Remove(dir + "4913") },
			func() error { return os.Rename(name, name+"~") },
			func() error { return write(name, text) },
			func() error { return os.Remove(name + "~") },
			func() error { return os.Remove(dir + "." + base + ".swp") },
		},
		"vim-copy": { // backupcopy=yes
			func() error { return write(dir+"."+base+".swp", "swap") },
			func() error { return write(name+"~", "backup") },
			func() error { return write(name, text) },
			func() error { return os.Remove(name + "~") },
			func() error { return os.Remove(dir + "." + base + ".swp") },
		},
		"jetbrains": {
			func() error { return write(name+"___jb_tmp___", text) },
			func() error { return os.Rename(name, name+"___jb_old___") },
			func() error { return os.Rename(name+"___jb_tmp___", name) },
			func() error { return os.Remove(name + "___jb_old___") },
		},
		"emacs": {
			func() error { return os.Symlink("user@host.1234:5678", dir+".#"+base) },
			func() error { return write(dir+"#"+base+"#", text) },
			func() error { return os.Rename(name, name+"~") },
			func() error { return write(name, text) },
			func() error { return os.Remove(dir + "#" + base + "#") },
			func() error { return os.Remove(dir + ".#" + base) },
		},
		"sed": {
			func() error { return write(dir+"sedAbC123", text) },
			func() error { return os.Rename(dir+"sedAbC123", name) },
		},
		"gedit": {
			func() error { return write(dir+".goutputstream-X1Y2Z3", text) },
			func() error { return os.Rename(dir+".goutputstream-X1Y2Z3", name) },
		},
		"git": {
			func() error { return os.Remove(name) },
			func() error { return write(name, text) },
		},
		"twice": { // a formatter on save
			func() error { return write(name, text+" ") },
			func() error { return write(name, text) },
		},
	}[args[0]]
	if !ok {
		ts.Fatalf("save: no editor %q", args[0])
	}
	for _, step := range steps {
		ts.Check(step())
	}
}
