package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"bounce/internal/control"
)

func newAttach(g *globals) *cobra.Command {
	return verb(&cobra.Command{
		Use:     "attach SERVICE",
		GroupID: "agent",
		Short:   "Sit at the terminal of a service, as for breakpoint()",
		Long: `Connect this terminal to that of a service which has tty: true: what it writes
is shown as it is, what is typed goes to it, Ctrl-C too. Debuggers work, such as
that of breakpoint(). A restart of the service does not detach.

Ctrl-] detaches, and the service goes on. One person at a time can be attached.
The terminal is as before when this ends, however it ends.

Exit code 0 after Ctrl-], 1 when the agent refuses or ends, 4 without an agent;
128 and its number after a signal.`,
		Example:           `  bounce attach api`,
		Args:              takes(1, 1),
		ValidArgsFunction: g.serviceNames,
	}, func(ctx context.Context, args []string) error {
		c, err := g.client()
		if err != nil {
			return err
		}
		a, err := c.Attach(ctx, args[0])
		if err != nil {
			return err
		}
		return g.sit(ctx, a, args[0], false)
	})
}

// detachKey is Ctrl-], as in telnet: no debugger and no shell uses it.
const detachKey = 0x1d

// calm undoes what a program may have done to the screen that is no matter of
// the terminal's driver: colours, a hidden cursor, marks around pasted text, and
// reports of the mouse.
const calm = "\x1b[0m\x1b[?25h\x1b[?2004l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l"

// sit connects this terminal to that of a service until either side ends it.
// With mine, the keys that send signals, such as Ctrl-C, are for this program.
func (g *globals) sit(ctx context.Context, a *control.Attached, service string, mine bool) (err error) {
	defer a.Close()
	keys, err := openKeyboard(a.Resize, mine)
	if err != nil {
		return fmt.Errorf("cannot attach to %s: %w", service, err)
	}
	say := func(text string) { fmt.Fprintf(g.err, "\r\n[%s]\r\n", text) }
	say("attached to " + service + "; Ctrl-] detaches")

	shown := make(chan error, 1)
	go func() {
		for {
			text, notice, err := a.Next()
			if err == nil && notice != "" {
				say(plain(notice))
			} else if err == nil {
				_, err = g.out.Write(text)
			}
			if err != nil {
				shown <- err
				return
			}
		}
	}()
	typed := make(chan error, 1)
	go func() { typed <- keys.copyTo(a) }()

	reading := true
	select {
	case err = <-typed:
		reading = false
	case err = <-shown:
		err = fmt.Errorf("%s: %w", service, err)
	case s := <-keys.ended:
		err = &exitError{code: 128 + s}
	case <-ctx.Done():
	}
	a.Close()
	keys.close(reading, typed)
	fmt.Fprint(g.err, calm+"\r\n")
	return err
}

// copyTo sends what is typed until Ctrl-] is, which is no error.
func (k *keyboard) copyTo(a *control.Attached) error {
	buf := make([]byte, 4096)
	for {
		n, err := k.tty.Read(buf)
		typed, _, leave := bytes.Cut(buf[:n], []byte{detachKey})
		if len(typed) > 0 {
			if err := a.Type(typed); err != nil {
				return fmt.Errorf("cannot send what was typed: %w", err)
			}
		}
		switch {
		case leave, errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("cannot read the terminal: %w", cause(err))
		}
	}
}
