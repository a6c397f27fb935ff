package installed

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Distribution is one that is installed. It is not changed once it is read.
type Distribution struct {
	// Name is as [Name] spells it.
	Name, Version string
	// Sum differs where the files do. Where an installer left no hashes it goes
	// by when it installed.
	Sum [sha256.Size]byte
	// Modules are the names in dots below which all is its own, or shared with
	// distributions that say so too. Of an editable install they are those of
	// the project, as far as can be told.
	Modules []string
	// Scripts are the programs that it installs.
	Scripts []string
	// Groups are those of entry points that it adds to: plugins of others.
	Groups   []string
	Requires []Requirement
	// AtStart says that every Python that starts runs something of it.
	AtStart bool

	stamps []stamp
	half   bool // it has no list of files, and came while somebody looked
	// partial says that some of its files could not be read.
	partial bool
}

// stamp is what is known of a file by looking at it.
type stamp struct {
	path    string
	there   bool
	size    int64
	written time.Time
}

func stampOf(path string) stamp {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{path: path}
	}
	return stamp{path, true, info.Size(), info.ModTime()}
}

// Written is when what it says of itself was last written: when it was installed,
// as far as its installer does not give files an older time.
func (d *Distribution) Written() (last time.Time) {
	for _, s := range d.stamps {
		if s.written.After(last) {
			last = s.written
		}
	}
	return last
}

// same reports whether the distribution is still the one that was read, as far
// as looking tells.
func (d *Distribution) same() bool {
	return !slices.ContainsFunc(d.stamps, func(was stamp) bool { return stampOf(was.path) != was })
}

// described are the files in which a distribution says what it is, and that
// are written by whoever installs it.
var described = []string{"RECORD", "METADATA", "PKG-INFO", "installed-files.txt"}

// readDistribution reads what is in site-packages at name, a directory
// NAME-VERSION.dist-info or one or a file .egg-info. With an error it returns
// nil if that is not there, or what can be told without what cannot be read.
func readDistribution(site, name string) (*Distribution, error) {
	info := filepath.Join(site, name)
	d := &Distribution{}
	for _, file := range described {
		d.stamps = append(d.stamps, stampOf(filepath.Join(info, file)))
	}
	var failed error
	note := func(err error) {
		if failed == nil && err != nil && !gone(err) {
			failed = err
		}
	}
	read := func(file string) ([]byte, error) {
		text, err := readText(filepath.Join(info, file))
		note(err)
		return text, err
	}

	about, err := read("METADATA")
	if err != nil {
		about, err = read("PKG-INFO")
	}
	if err != nil && strings.HasSuffix(name, ".egg-info") {
		d.stamps = append(d.stamps, stampOf(info))
		about, err = readText(info) // distutils writes one file
	}
	if err != nil {
		return nil, cmp.Or(failed, err)
	}
	m := parseMetadata(about)
	stem := strings.TrimSuffix(strings.TrimSuffix(name, ".dist-info"), ".egg-info")
	guess, version, _ := strings.Cut(stem, "-")
	d.Name, d.Version, d.Requires = Name(cmp.Or(m.name, guess)), cmp.Or(m.version, version, "unknown"), m.requires

	files, err := read("RECORD")
	if err != nil { // a system's own packages have none
		if files, err = read("installed-files.txt"); err == nil {
			files = fromEgg(files)
		}
	}
	r := parseRecord(files)
	d.Sum, d.Modules, d.Scripts = r.sum, r.modules, r.scripts
	if !r.hashed {
		d.Sum = sha256.Sum256(append(stampText(d.stamps), about...))
	}
	if text, err := read("requires.txt"); err == nil {
		d.Requires = append(d.Requires, parseRequires(text)...)
	}
	if text, err := read("entry_points.txt"); err == nil {
		scripts, groups := parseEntryPoints(text)
		d.Scripts, d.Groups = append(d.Scripts, scripts...), groups
	}
	slices.Sort(d.Scripts)
	d.Scripts = slices.Compact(d.Scripts)
	url, _ := read("direct_url.json") // few have one
	editable := strings.Contains(strings.ReplaceAll(string(url), " ", ""), `"editable":true`)
	if editable {
		d.Modules = slices.DeleteFunc(d.Modules, ofFinder)
	}
	note(d.atPaths(site, r.paths, editable))
	if len(d.Modules) == 0 && (editable || len(files) == 0 || len(r.paths) > 0) {
		if text, err := read("top_level.txt"); err == nil {
			d.Modules = strings.Fields(string(text))
		} else {
			d.Modules = []string{strings.ReplaceAll(d.Name, "-", "_")}
		}
	}
	d.AtStart = d.AtStart || slices.Contains(d.Modules, "sitecustomize") || slices.Contains(d.Modules, "usercustomize")
	return d, failed
}

// harmless are .pth files that run at every start, and do nothing there that an
// import of their distribution would not.
func harmless(name string) bool {
	return name == "distutils-precedence.pth" || strings.HasSuffix(name, "-nspkg.pth") || strings.HasPrefix(name, "__editable__")
}

// ofFinder reports whether a module is what finds those of an editable install.
func ofFinder(module string) bool {
	return strings.HasPrefix(module, "__editable__") || strings.HasPrefix(module, "_editable_") || strings.HasSuffix(module, "_editable")
}

// atPaths takes in what the distribution's .pth files do, as far as they can be
// read; the error is of what cannot.
func (d *Distribution) atPaths(site string, files []string, editable bool) (failed error) {
	for _, file := range files {
		data, err := readText(filepath.Join(site, file))
		if err != nil {
			if !gone(err) {
				failed = err
			}
			continue
		}
		dirs, runs := parsePaths(data)
		d.AtStart = d.AtStart || runs && !editable && !harmless(file)
		if len(d.Modules) > 0 {
			continue
		}
		for _, dir := range dirs {
			names, err := modulesIn(within(site, dir))
			if d.Modules = append(d.Modules, names...); err != nil && !gone(err) {
				failed = err
			}
		}
	}
	slices.Sort(d.Modules)
	d.Modules = slices.Compact(d.Modules)
	return failed
}

// modulesIn returns the names of the modules in a directory, which may not be
// there.
func modulesIn(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if stem, ok := moduleFile(e.Name()); ok && identifier.MatchString(stem) {
			names = append(names, stem)
		} else if e.IsDir() && identifier.MatchString(e.Name()) {
			if _, err := os.Stat(filepath.Join(dir, e.Name(), "__init__.py")); err == nil {
				names = append(names, e.Name())
			}
		}
	}
	return names, err
}

func within(dir, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}

// fromEgg turns installed-files.txt, whose paths start in the egg-info, into
// lines without hashes.
func fromEgg(data []byte) []byte {
	var b strings.Builder
	for line := range strings.Lines(string(data)) {
		file, inSite := strings.CutPrefix(strings.TrimSpace(line), "../")
		if inSite {
			b.WriteString(file + ",,\n")
		}
	}
	return []byte(b.String())
}

func stampText(stamps []stamp) []byte {
	var b []byte
	for _, s := range stamps {
		if s.there {
			b = s.written.UTC().AppendFormat(b, time.RFC3339Nano)
		}
	}
	return b
}

// maxText bounds what is read of a file: the largest RECORD known has 4 MB.
const maxText = 64 << 20

var errNoText = fmt.Errorf("it is no file of at most %d bytes", maxText)

// gone reports whether an error says that what was to be read is not there.
// Any other, as for want of file descriptors, says nothing.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, errNoText)
}

// readText reads a regular file.
func readText(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxText {
		return nil, fmt.Errorf("cannot read %s: %w", name, errNoText)
	}
	return os.ReadFile(name)
}
