// Package installed knows the distributions in the directories that pip, uv and
// their like install into: their versions, the modules they bring, and what
// each needs.
//
// It goes by what an installer writes beside the modules: RECORD with the hash
// of each file, METADATA, entry_points.txt. The modules themselves are neither
// read nor walked, so tens of thousands of files cost a few hundred looks, and
// one that somebody edits in place is not noticed.
package installed
