// Package treesitter knows what a Python process loads.
//
// [Extract] turns the bytes of one file into [Facts]: its imports, and the
// strings and calls that name modules. Facts depend on those bytes alone. A
// [Graph] is a set of files with their facts; it is immutable, and
// [Graph.Update] returns a new one that shares what did not change. Names are
// bound to files only when somebody asks, for one list of import roots at a
// time and in the order of CPython's finder, so a file that appears,
// disappears or shadows another rebinds names and rewrites nothing.
//
// [Graph.Reach] is every file that a process can load from its entries,
// parent packages included; [Graph.Dependents] is the reverse. Both keep the
// shortest chain of imports that leads to each file, with file and line.
//
// Where it cannot be known whether a file is loaded, it is claimed: imports in
// functions, in every branch, and strings that name modules of the tree. Only
// imports under "if TYPE_CHECKING" are left out. What is not promised:
// modules whose names are computed at run time (their importers are listed as
// opaque), what C code imports, and changes that a program makes to sys.path.
//
// Tree-sitter judges what an import statement says. It needs a C compiler;
// built without cgo, a small parser of import statements takes its place, and
// [Check] finds nothing to complain about.
package treesitter
