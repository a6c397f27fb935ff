package smartrestart

import (
	"cmp"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"bounce/decider"
	"bounce/treesitter"
)

// The import graph of smart-restart. It is not what a process loads:
//
//   - files below a directory named as one of skipped, or with a dot in front,
//     are not in it, and the directories above the root count;
//   - of two files of one module the last one met is the module: the deeper
//     one, or else as the file system and pathlib have it;
//   - "import a.b" leads to a.b and not to a, "from a import b" to a.b or else
//     to a, never to both;
//   - in an __init__.py a relative import starts one package too high;
//   - a file with a syntax error, a byte order mark or bytes that are not
//     UTF-8 imports nothing;
//   - imports under "if TYPE_CHECKING" count, names in strings do not;
//   - a root that is not there, or is a file, has no files.
type graph struct {
	// importers has, by file, the files that import it and on which line.
	importers map[string]map[string]int
}

var skipped = []string{"__pycache__", "venv", ".venv", "env", ".env", "build", "dist", ".git"}

// readGraph reads the graph of a root, as it was named.
func readGraph(dir, root string) (*graph, error) {
	abs := filepath.Join(dir, root)
	if filepath.IsAbs(root) {
		abs = root
	}
	g := &graph{importers: make(map[string]map[string]int)}
	real, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return g, nil // without a root there are no files
	}
	var files []string
	if !hidden(strings.Split(real, "/")) {
		files = pythonFiles(real, "")
	}
	prefix := prefixOf(dir, root)
	index := make(map[string]string, len(files))
	for _, rel := range files {
		if module := moduleOf(rel); module != "" {
			index[module] = prefix + rel
		}
	}
	for i, targets := range eachOf(files, func(rel string) map[string]int { return imports(real, rel, index) }) {
		from := prefix + files[i]
		for target, line := range targets {
			if target == from {
				continue
			}
			if g.importers[target] == nil {
				g.importers[target] = make(map[string]int)
			}
			g.importers[target][from] = line
		}
	}
	return g, nil
}

// eachOf returns what f says of each, asked by as many goroutines as there are
// processors.
func eachOf[A, B any](all []A, f func(A) B) []B {
	out := make([]B, len(all))
	var wg sync.WaitGroup
	n := runtime.GOMAXPROCS(0)
	for worker := range n {
		wg.Go(func() {
			for i := worker; i < len(all); i += n {
				out[i] = f(all[i])
			}
		})
	}
	wg.Wait()
	return out
}

// prefixOf is what stands in front of the paths of the graph: the root as it
// was named, from the working directory; "" for one outside of it.
func prefixOf(dir, root string) string {
	rel := posix(root)
	if filepath.IsAbs(root) {
		under := posix(dir)
		switch {
		case rel == under:
			rel = "."
		case under == "/":
			rel = rel[1:]
		case strings.HasPrefix(rel, under+"/"):
			rel = rel[len(under)+1:]
		default:
			rel = "."
		}
	}
	if rel == "." {
		return ""
	}
	return rel + "/"
}

func hidden(parts []string) bool {
	return slices.ContainsFunc(parts, func(part string) bool {
		return strings.HasPrefix(part, ".") || slices.Contains(skipped, part)
	})
}

// pythonFiles lists what is named *.py below dir, as pathlib's rglob does:
// what is in a directory before what is below it, in the order of the file
// system, links to directories not followed, directories named *.py included.
func pythonFiles(dir, rel string) []string {
	f, err := os.Open(filepath.Join(dir, rel))
	if err != nil {
		return nil
	}
	entries, _ := f.ReadDir(-1)
	f.Close()
	var files, below []string
	for _, e := range entries {
		if hidden([]string{e.Name()}) {
			continue
		}
		path := rel + e.Name()
		if strings.HasSuffix(path, ".py") {
			files = append(files, path)
		}
		if e.IsDir() {
			below = append(below, path+"/")
		}
	}
	for _, sub := range below {
		files = append(files, pythonFiles(dir, sub)...)
	}
	return files
}

// moduleOf is the dotted name of a file; "" for an __init__.py of the root.
func moduleOf(rel string) string {
	parts := strings.Split(rel, "/")
	last := len(parts) - 1
	if parts[last] == "__init__.py" {
		parts = parts[:last]
	} else {
		parts[last] = strings.TrimSuffix(parts[last], ".py")
	}
	return strings.Join(parts, ".")
}

// imports returns the files of the index that a file imports, and the line of
// the first import of each.
func imports(root, rel string, index map[string]string) map[string]int {
	src, err := os.ReadFile(filepath.Join(root, rel))
	if err != nil || !utf8.Valid(src) || strings.HasPrefix(string(src[:min(3, len(src))]), "\ufeff") {
		return nil
	}
	facts := treesitter.Extract(src)
	targets := make(map[string]int)
	hit := func(module string, line int) bool {
		target, ok := index[module]
		if ok && targets[target] == 0 {
			targets[target] = line
		}
		return ok
	}
	for _, ref := range facts.Refs {
		switch ref.Kind {
		case treesitter.Import:
			for _, name := range ref.Names {
				hit(name.Name, ref.Line)
			}
		case treesitter.From, treesitter.Star:
			base, ok := baseOf(moduleOf(rel), ref.Module, ref.Level)
			if !ok {
				continue
			}
			if ref.Kind == treesitter.Star {
				hit(base, ref.Line)
			}
			for _, name := range ref.Names {
				if !hit(base+"."+name.Name, ref.Line) {
					hit(base, ref.Line)
				}
			}
		}
	}
	// The whole parse takes the most time, and few files need it.
	if len(targets) > 0 && (facts.Err != nil || treesitter.Check(src) != nil) {
		return nil
	}
	return targets
}

// baseOf is the module that a from statement names. A relative one starts from
// the name of the importing module without its last part, in a package too.
func baseOf(importer, module string, level int) (base string, ok bool) {
	if level == 0 {
		return module, module != ""
	}
	var parts []string
	if importer != "" {
		parts = strings.Split(importer, ".")
		parts = parts[:len(parts)-1]
	}
	if level-1 > len(parts) {
		return "", false
	}
	parts = parts[:len(parts)-(level-1)]
	if module != "" {
		parts = append(parts, module)
	}
	return strings.Join(parts, "."), len(parts) > 0
}

// expand returns the paths, each once, followed by the files that lead to one
// that is a .py file, sorted, and these alone.
func (g *graph) expand(paths []string) (files []file, added []string) {
	seen := make(map[string]bool, len(paths))
	ways := make(map[string][]decider.Link)
	var queue []string
	for _, path := range paths {
		if seen[path] {
			continue
		}
		seen[path] = true
		files = append(files, file{path: path})
		if strings.HasSuffix(path, ".py") {
			queue = append(queue, path)
		}
	}
	for len(queue) > 0 {
		path := queue[0]
		queue = queue[1:]
		for _, from := range slices.Sorted(maps.Keys(g.importers[path])) {
			if !seen[from] {
				seen[from] = true
				link := decider.Link{From: from, Line: g.importers[path][from], To: path}
				ways[from] = append([]decider.Link{link}, ways[path]...)
				queue = append(queue, from)
			}
		}
	}
	added = slices.SortedFunc(maps.Keys(ways), cmp.Compare)
	for _, path := range added {
		files = append(files, file{path, ways[path]})
	}
	return files, added
}
