package pyruntime

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

//go:embed check.py
var checkScript string

// Problem is why a file does not compile, in the interpreter's words.
type Problem struct {
	// Line and Column count from 1; 0 where the interpreter names no place.
	Line, Column int
	// What is the error as the last line of a traceback has it:
	// "SyntaxError: '(' was never closed".
	What string
}

// Compile asks an interpreter which of files it refuses to compile, and
// returns those. Files are relative to dir, or absolute; one that is not there
// or is no regular file has no problem. Nothing is executed and no bytecode is
// written.
//
// An error means that the question was not answered: the interpreter did not
// start, died (the error names the file it was compiling) or was still busy
// when ctx ended. Callers bound the time by ctx; a check takes about as long
// as the interpreter's start.
func Compile(ctx context.Context, python, dir string, files []string) (map[string]Problem, error) {
	asked := make([]string, 0, len(files))
	var stdin bytes.Buffer
	for _, file := range files {
		if strings.Contains(file, "\x00") {
			continue // no file can have this name
		}
		asked = append(asked, file)
		stdin.WriteString(file)
		stdin.WriteByte(0)
	}
	if len(asked) == 0 {
		return map[string]Problem{}, nil
	}

	// -I and -S keep the project and the site-packages out of this process,
	// -B keeps even the standard library's bytecode from being written, and
	// -W keeps a SyntaxWarning from being printed or made an error.
	cmd := exec.CommandContext(ctx, python, "-I", "-S", "-B", "-W", "ignore", "-c", checkScript)
	cmd.Dir = dir
	cmd.Stdin = &stdin
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	// A version manager puts a shell script in front of the interpreter.
	killGroup(cmd)
	cmd.WaitDelay = time.Second

	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start the interpreter %s: %w", python, err)
	}
	err := cmd.Wait()
	problems, answered, bad := parseAnswers(&stdout, asked)
	switch {
	case bad != nil:
		return nil, fmt.Errorf("cannot read what %s says: %w", python, bad)
	case answered < len(asked) && ctx.Err() != nil:
		return nil, fmt.Errorf("%s did not get past %s, file %d of %d to compile: %w",
			python, asked[answered], answered+1, len(asked), context.Cause(ctx))
	case answered < len(asked):
		if err == nil {
			err = errors.New("it said nothing")
		}
		return nil, fmt.Errorf("%s died compiling %s: %w%s", python, asked[answered], err, lastLine(stderr.String()))
	}
	// The answer is complete: an interpreter that fails to shut down after it
	// takes nothing back.
	return problems, nil
}

// parseAnswers reads the script's lines, which answer for files in order. It
// returns the problems and how many files were answered for.
func parseAnswers(r io.Reader, files []string) (map[string]Problem, int, error) {
	problems := map[string]Problem{}
	lines := bufio.NewReader(r)
	for n := 0; ; n++ {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return problems, n, nil // a line without its end was cut short
		}
		if n == len(files) {
			return nil, n, fmt.Errorf("more than %d answers", n)
		}
		var answer struct {
			Line, Column int
			What         string
		}
		if err := json.Unmarshal(line, &answer); err != nil {
			return nil, n, err
		}
		if answer.What != "" {
			problems[files[n]] = Problem(answer)
		}
	}
}

// lastLine returns ": " and the last line of an interpreter's complaint.
func lastLine(stderr string) string {
	stderr = strings.TrimSpace(stderr)
	if stderr == "" {
		return ""
	}
	return ": " + stderr[strings.LastIndexByte(stderr, '\n')+1:]
}
