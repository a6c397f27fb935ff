package configs

import (
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/shlex"
)

// FuzzSplit compares split with google/shlex. They are to differ in two things
// only: shlex takes # for a comment, and a backslash in double quotes for an
// escape before any character.
func FuzzSplit(f *testing.F) {
	for _, s := range []string{
		"uvicorn shop.api:app --port 8000", `a 'b c' "d e" f\ g`, `a"b"'c'd`, `''`, `a '' b`, `"a\"b\\c\$d"`, "a\\\nb", "a\nb\tc\r",
		`'`, `"`, `\`, "a|b&&c;d>e", "$X ${Y:-z} $(w) $ $1", "~/x ~", "A=1 B=2 c D=3", `"A=1" b`, "x*?[y]", "é \u00a0 ü",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := split(text)
		if got.assigns > len(got.words) {
			t.Fatalf("%q: %d assignments among %d words", text, got.assigns, len(got.words))
		}
		if strings.ContainsRune(text, '#') || strings.Contains(text, `\`) && strings.ContainsAny(text, "\"\n\r") || strings.ContainsAny(text, "\x00\v\f") {
			return
		}
		want, wantErr := shlex.Split(text)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: error %v, shlex says %v", text, err, wantErr)
		}
		if err == nil && !slices.Equal(got.words, want) {
			t.Fatalf("%q: %q, shlex says %q", text, got.words, want)
		}
	})
}

// TestPlainWordsAreWhatAShellPasses runs the commands of which split says that
// they need no shell through one.
func TestPlainWordsAreWhatAShellPasses(t *testing.T) {
	for _, args := range []string{
		`a 'b c' "d e" f\ g`, `a"b"'c'd '' ""`, `"a\"b\\c\$d\x\` + "`" + `"`, "a\\\nb \"c\\\nd\"", `--name=x:y@z,w%+-./_ {a,b} !x ^`,
		`it\'s "it's" '"' '$HOME' \$HOME \| \& $ "$" a$ a#b A=1`,
	} {
		l, err := split("printf " + args)
		if err != nil || l.shell != "" || l.glob {
			t.Errorf("%s: %+v, %v", args, l, err)
			continue
		}
		out, err := exec.Command("/bin/sh", "-c", `printf '%s\n--\n' `+args).Output()
		if err != nil {
			t.Fatal(err)
		}
		want := strings.Join(l.words[1:], "\n--\n") + "\n--\n"
		if string(out) != want {
			t.Errorf("%s: the shell passes %q, we %q", args, out, want)
		}
	}
}

// TestShellLinesBecomeTheirCommand runs lines of a Procfile: where one command
// is all there is, it must be the process that was started.
func TestShellLinesBecomeTheirCommand(t *testing.T) {
	for text, want := range map[string]string{
		`echo plain`:                           "plain\n",
		`echo "port $PORT"`:                    "port 5000\n",
		`sh -c 'echo $PPID' "$PORT"`:           "PARENT\n", // replaced the shell
		`PORT=7 sh -c 'echo $PORT'`:            "7\n",
		`cd / && pwd`:                          "/\n",
		`echo a | tr a b`:                      "b\n",
		`echo $PORT # the port`:                "5000\n",
		`export X=1; echo "$X"`:                "1\n",
		`exec echo "$PORT"`:                    "5000\n",
		`X=1 && echo "${X}${PORT:+2}" '$PORT'`: "12 $PORT\n",
	} {
		c, err := fromShellLine(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		argv := c.Argv()
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Env = append(os.Environ(), "PORT=5000")
		out, err := cmd.Output()
		if want == "PARENT\n" {
			want = strconv.Itoa(os.Getpid()) + "\n"
		}
		if err != nil || string(out) != want {
			t.Errorf("%s as %q: %q, %v; want %q", text, argv, out, err, want)
		}
	}
}
