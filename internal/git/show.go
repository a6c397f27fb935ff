package git

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A Tree reads the files of one revision. Its methods may be called from any
// goroutine; Close ends the git that serves it.
type Tree struct {
	prefix string
	files  map[string]blob  // by path from the top
	subs   map[string]*Tree // submodules likewise
	cancel context.CancelFunc

	mu  sync.Mutex // guards the conversation below
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
	err error // the conversation is over
}

type blob struct {
	id   string
	link bool
}

// Show opens the tree of a revision. Paths are relative to dir. The files of
// submodules are in it that are checked out and have the commit.
func Show(ctx context.Context, dir, rev string) (*Tree, error) {
	fail := func(err error) (*Tree, error) {
		return nil, fmt.Errorf("cannot read revision %q in %q: %w", rev, dir, err)
	}
	prefix, err := prefixOf(ctx, dir)
	if err != nil {
		return fail(err)
	}
	// ls-tree knows no --end-of-options, so the name is resolved first.
	id, err := run(ctx, dir, "rev-parse", "--verify", "--end-of-options", rev+"^{tree}")
	if err != nil {
		return fail(err)
	}
	out, err := run(ctx, dir, "ls-tree", "-r", "-z", "--full-tree", strings.TrimSpace(string(id)))
	if err != nil {
		return fail(err)
	}
	t := &Tree{prefix: prefix, files: make(map[string]blob), subs: make(map[string]*Tree)}
	commits := make(map[string]string)
	for _, line := range fields(out) {
		head, name, ok := strings.Cut(line, "\t")
		f := strings.Fields(head) // mode, type, id
		if !ok || len(f) != 3 {
			return fail(fmt.Errorf("git ls-tree printed %q", line))
		}
		if f[0] == submodule {
			commits[name] = f[2]
		} else {
			t.files[name] = blob{f[2], f[0] == "120000"}
		}
	}
	asking, cancel := context.WithCancel(ctx)
	t.cancel = cancel
	t.cmd = command(asking, dir, "cat-file", "--batch")
	if t.in, err = t.cmd.StdinPipe(); err != nil {
		t.cancel()
		return fail(err)
	}
	stdout, err := t.cmd.StdoutPipe()
	if err != nil {
		t.cancel()
		return fail(err)
	}
	t.out = bufio.NewReader(stdout)
	if err := t.cmd.Start(); err != nil {
		t.cancel()
		return fail(err)
	}
	if err := t.open(ctx, dir, commits); err != nil {
		return fail(errors.Join(err, t.Close()))
	}
	return t, nil
}

// open opens the submodules that can be opened.
func (t *Tree) open(ctx context.Context, dir string, commits map[string]string) error {
	if len(commits) == 0 {
		return nil
	}
	top, err := topOf(ctx, dir)
	if err != nil {
		return err
	}
	for name, id := range commits {
		sub := filepath.Join(top, filepath.FromSlash(name))
		if checkedOut(sub) != nil {
			continue
		}
		if inner, err := Show(ctx, sub, id); err == nil {
			t.subs[name] = inner
		}
	}
	return nil
}

// Files lists the paths, sorted.
func (t *Tree) Files() []string {
	paths := make([]string, 0, len(t.files))
	for p := range t.files {
		paths = append(paths, relative(t.prefix, p))
	}
	for name, sub := range t.subs {
		for _, p := range sub.Files() {
			paths = append(paths, relative(t.prefix, path.Join(name, p)))
		}
	}
	slices.Sort(paths)
	return paths
}

// ID returns the name that git has for the bytes of a file; "" for a symbolic
// link, or where there is no file.
func (t *Tree) ID(p string) string {
	name := path.Join(t.prefix, p)
	for at, sub := range t.subs {
		if rest, ok := strings.CutPrefix(name, at+"/"); ok {
			return sub.ID(rest)
		}
	}
	if b := t.files[name]; !b.link {
		return b.id
	}
	return ""
}

// Read returns the bytes of a file; symbolic links are followed within the
// tree. A path that is not there gives fs.ErrNotExist.
func (t *Tree) Read(p string) ([]byte, error) {
	name := path.Join(t.prefix, p)
	for at, sub := range t.subs {
		if rest, ok := strings.CutPrefix(name, at+"/"); ok {
			return sub.Read(rest)
		}
	}
	for range 10 { // links may lead in circles
		b, ok := t.files[name]
		if !ok {
			break
		}
		data, err := t.cat(b.id)
		if err != nil {
			return nil, fmt.Errorf("cannot read %q of the revision: %w", p, err)
		}
		if !b.link {
			return data, nil
		}
		name = path.Join(path.Dir(name), string(data))
	}
	return nil, fmt.Errorf("cannot read %q of the revision: %w", p, fs.ErrNotExist)
}

// cat asks the running git for one object.
func (t *Tree) cat(id string) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		return nil, t.err
	}
	data, err := t.ask(id)
	if err != nil {
		t.err = err // what comes next is not the answer to the next question
	}
	return data, err
}

func (t *Tree) ask(id string) ([]byte, error) {
	if _, err := io.WriteString(t.in, id+"\n"); err != nil {
		return nil, err
	}
	head, err := t.out.ReadString('\n')
	if err != nil {
		return nil, err
	}
	f := strings.Fields(head) // id, type, size
	if len(f) != 3 {
		return nil, fmt.Errorf("git cat-file printed %q", head)
	}
	size, err := strconv.Atoi(f[2])
	if err != nil {
		return nil, fmt.Errorf("git cat-file printed %q", head)
	}
	data := make([]byte, size+1) // and a newline
	if _, err := io.ReadFull(t.out, data); err != nil {
		return nil, err
	}
	return data[:size], nil
}

// errTreeClosed is what Read gives after Close.
var errTreeClosed = errors.New("the tree is closed")

// Close ends the git process and waits for it.
func (t *Tree) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == errTreeClosed {
		return nil
	}
	t.err = errTreeClosed
	t.in.Close()
	err := t.cmd.Wait()
	t.cancel()
	for _, sub := range t.subs {
		err = errors.Join(err, sub.Close())
	}
	return err
}
