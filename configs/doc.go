// Package configs reads what a user wrote about a project: bounce.yaml, its
// JSON, smart-restart's restart-rules.yaml, a Procfile, or a command line. All
// of them become one [Config].
//
// It promises that a Config it returns is whole and valid, that every default
// of the profile is filled in, and that a file with mistakes is refused with
// all of them at once, sorted by position ([Errors]). Nothing that the file
// says is ignored: a key without a meaning is a mistake. Reading is bounded:
// files up to 1 MiB, 64 levels, 10,000 nodes that come from aliases.
//
// Text goes from bytes to a plain tree (yaml.go), from the tree to structs that
// start as the profile's defaults (decode.go), and from there to what only the
// whole shows (validate.go). Strictness is our own decoder's, not yaml.v3's
// KnownFields: that is lost in every type with its own decoding, and it stops
// at the first duplicate key.
//
// It does not promise that commands, directories and modules exist: that is
// for bounce check. After loading only [Config.Start] touches the disk, to read
// env files as they are at that moment.
package configs
