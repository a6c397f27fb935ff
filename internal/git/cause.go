package git

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// What git has just done, from the reflog of HEAD.

// logMark is how far the reflog was read.
type logMark struct {
	size int64
	last string // the line that ended there
}

// entry is one line of a reflog.
type entry struct{ old, new, message string }

// Cause says what moved HEAD since it was last asked, such as
// "git checkout a1b2c3d..d4e5f6a"; "" when nothing did, or only commits, which
// leave the work tree as it is.
func (r *Repo) Cause() string {
	before := r.head
	entries, ok := r.unread()
	if !ok { // no reflog: HEAD alone tells
		if r.head = r.commit(); before == "" || r.head == before {
			return ""
		}
		return "git " + span(before, r.head)
	}
	return summary(entries)
}

// summary names the last entry that changed the work tree, and the span of all.
func summary(entries []entry) string {
	for i := len(entries) - 1; i >= 0; i-- {
		if v := verb(entries[i].message); v != "" {
			return "git " + v + " " + span(entries[0].old, entries[i].new)
		}
	}
	return ""
}

// verb reads the command from a reflog message: "pull origin main: Fast-forward",
// "rebase (finish): ...". It is "" for commits, but for those that end a
// merge or a cherry-pick.
func verb(message string) string {
	head, _, _ := strings.Cut(message, ":")
	name, rest, _ := strings.Cut(head, " ")
	if name != "commit" {
		return name
	}
	switch rest {
	case "(merge)":
		return "merge"
	case "(cherry-pick)":
		return "cherry-pick"
	}
	return ""
}

func span(old, new string) string {
	if strings.Trim(old, "0") == "" {
		return short(new)
	}
	return short(old) + ".." + short(new)
}

func short(hash string) string { return hash[:min(7, len(hash))] }

// unread returns the lines added to the reflog since the last call; ok is
// false when there is no reflog.
func (r *Repo) unread() (entries []entry, ok bool) {
	f, err := os.Open(filepath.Join(r.dir, "logs", "HEAD"))
	if err != nil {
		return nil, false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, false
	}
	first := r.log.last == ""
	if info.Size() == r.log.size && !first {
		return nil, true
	}
	from := max(r.log.size-int64(len(r.log.last)), 0)
	text, err := io.ReadAll(io.NewSectionReader(f, from, info.Size()-from))
	if err != nil {
		return nil, false
	}
	rest, continues := bytes.CutPrefix(text, []byte(r.log.last))
	if first || !continues {
		// Never read, or rewritten by gc: only the last line is news for sure.
		rest = tail(f, info.Size())
	}
	lines := strings.SplitAfter(string(rest), "\n")
	for _, line := range lines {
		if !strings.HasSuffix(line, "\n") {
			continue // still being written, or the empty end
		}
		if e, ok := parseEntry(line); ok {
			entries = append(entries, e)
			r.log.last = line
		}
	}
	r.log.size = info.Size()
	return entries, true
}

// tail returns the last line of a file that ends in a newline.
func tail(f io.ReaderAt, size int64) []byte {
	buf := make([]byte, min(size, 8<<10))
	n, _ := f.ReadAt(buf, size-int64(len(buf))) // what was read counts
	buf = buf[:n]
	if i := bytes.LastIndexByte(bytes.TrimSuffix(buf, []byte("\n")), '\n'); i >= 0 {
		return buf[i+1:]
	}
	return buf
}

// parseEntry reads "old new name <mail> time zone\tmessage".
func parseEntry(line string) (entry, bool) {
	head, message, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
	old, rest, ok := strings.Cut(head, " ")
	if !ok {
		return entry{}, false
	}
	new, _, _ := strings.Cut(rest, " ")
	return entry{old, new, message}, true
}

// commit resolves HEAD by its files.
func (r *Repo) commit() string {
	text, err := os.ReadFile(filepath.Join(r.dir, "HEAD"))
	if err != nil {
		return ""
	}
	ref, symbolic := strings.CutPrefix(strings.TrimSpace(string(text)), "ref: ")
	if !symbolic {
		return ref
	}
	if text, err := os.ReadFile(filepath.Join(r.common, filepath.FromSlash(ref))); err == nil {
		return strings.TrimSpace(string(text))
	}
	packed, err := os.ReadFile(filepath.Join(r.common, "packed-refs"))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(packed)) {
		if hash, name, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name == ref {
			return hash
		}
	}
	return ""
}
