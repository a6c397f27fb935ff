package confine

import (
	"errors"
	"fmt"
	"os/user"
	"strconv"
)

// Account is a user of the system.
type Account struct {
	ID
	// Name and Home are "" for a user that has a number and no entry.
	Name, Home string
}

// LookupError says that the system did not tell of a user or a group, which it
// may do at another time.
type LookupError struct {
	What string // "user app"
	Err  error
}

func (e *LookupError) Error() string { return "cannot look up " + e.What + ": " + e.Err.Error() }
func (e *LookupError) Unwrap() error { return e.Err }

// answered reports whether the system has said that there is no such user or
// group, if not without error that there is.
func answered(err error) bool {
	var (
		name    user.UnknownUserError
		number  user.UnknownUserIdError
		group   user.UnknownGroupError
		groupID user.UnknownGroupIdError
	)
	return err == nil || errors.As(err, &name) || errors.As(err, &number) || errors.As(err, &group) || errors.As(err, &groupID)
}

// Lookup finds a user and a group, each by name or number, either of which may
// be "": the user that we are, the group of the user. A number needs no entry
// in the system's table; a user without one needs a group. The error is a
// *[LookupError] where another attempt may succeed.
func Lookup(name, group string) (Account, error) {
	var a Account
	entry, err := userOf(name)
	number, isNumber := id(name)
	switch {
	case !answered(err):
		return a, &LookupError{"user " + name, err}
	case err == nil:
		uid, ok := id(entry.Uid)
		gid, ok2 := id(entry.Gid)
		if !ok || !ok2 {
			return a, fmt.Errorf("user %s is %s:%s here, which are no numbers", name, entry.Uid, entry.Gid)
		}
		a = Account{ID: ID{uid, gid}, Name: entry.Username, Home: entry.HomeDir}
	case !isNumber:
		return a, fmt.Errorf("there is no user %s", name)
	case group == "":
		return a, fmt.Errorf("user %s has no entry, so its group is not known: give it a group too", name)
	default:
		a.UID = number
	}
	if group == "" {
		return a, nil
	}
	g, err := groupOf(group)
	if !answered(err) {
		return a, &LookupError{"group " + group, err}
	}
	if err == nil {
		if gid, ok := id(g.Gid); ok {
			a.GID = gid
			return a, nil
		}
	}
	gid, ok := id(group)
	if !ok {
		return a, fmt.Errorf("there is no group %s", group)
	}
	a.GID = gid
	return a, nil
}

func userOf(name string) (*user.User, error) {
	if name == "" {
		return user.Current()
	}
	entry, err := user.Lookup(name)
	if _, ok := id(name); err != nil && ok {
		return user.LookupId(name)
	}
	return entry, err
}

func groupOf(name string) (*user.Group, error) {
	g, err := user.LookupGroup(name)
	if _, ok := id(name); err != nil && ok {
		return user.LookupGroupId(name)
	}
	return g, err
}

// noID is the number that the system takes for "leave it as it is".
const noID = ^uint32(0)

func id(text string) (uint32, bool) {
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(n), err == nil && uint32(n) != noID
}

// ErrNotSupported says that this system cannot confine programs.
var ErrNotSupported = errors.New("not supported on this system")
