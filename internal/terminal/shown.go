package terminal

import (
	"regexp"
	"strings"
)

// moves are the sequences by which a program moves the cursor, clears the screen
// or sets modes, and those for the terminal's own program, such as titles; all
// but colours.
var moves = regexp.MustCompile("\x1b(?:" +
	`\[[0-?]*[ -/]*[@-ln-~]` + "|" + // CSI, but for the colours' final m
	`\[[<-?][0-?]*m` + "|" +
	"[\\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\\\)" + "|" + // OSC, DCS, SOS, PM and APC
	"[ -/]+[0-~]" + "|" + // character sets
	"[0-9<-Z\\\\^`-~])") // modes of keypads, saved cursors

// Shown returns what is left to see of a line that a program wrote to its
// terminal: such programs move the cursor, and write over what they wrote. It
// is a guess for a person: what it leaves of control characters is not safe.
func Shown(line string) string {
	shown := strings.TrimRight(moves.ReplaceAllString(line, ""), "\r")
	return shown[strings.LastIndexByte(shown, '\r')+1:]
}
