package confine

import (
	"fmt"
	"os"
	"os/user"
	"slices"
	"syscall"
	"testing"
)

func TestLookup(t *testing.T) {
	self := fmt.Sprintf("{{%d %d}", os.Getuid(), os.Getgid())
	for _, c := range []struct{ user, group, want string }{
		{"root", "", "{{0 0} root /root} <nil>"},
		{"0", "", "{{0 0} root /root} <nil>"},
		{"root", "65533", "{{0 65533} root /root} <nil>"},
		{"4242", "4243", "{{4242 4243}  } <nil>"},
		{"4242", "", "{{0 0}  } user 4242 has no entry, so its group is not known: give it a group too"},
		{"nobody-here", "", "{{0 0}  } there is no user nobody-here"},
		{"root", "nobody-here", "{{0 0} root /root} there is no group nobody-here"},
		{"4294967295", "1", "{{0 0}  } there is no user 4294967295"},
		{"-1", "1", "{{0 0}  } there is no user -1"},
	} {
		account, err := Lookup(c.user, c.group)
		if got := fmt.Sprint(account, " ", err); got != c.want {
			t.Errorf("%s:%s: got %s, want %s", c.user, c.group, got, c.want)
		}
	}
	if a, err := Lookup("", "0"); err != nil || fmt.Sprint(a)[:len(self)] != fmt.Sprintf("{{%d 0}", os.Getuid()) {
		t.Errorf("%v %v", a, err)
	}
}

// TestAnswered: only what the system has said counts, not that it did not.
func TestAnswered(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{nil, true},
		{user.UnknownUserError("app"), true},
		{user.UnknownUserIdError(12), true},
		{fmt.Errorf("wrapped: %w", user.UnknownGroupError("app")), true},
		{user.UnknownGroupIdError("12"), true},
		{syscall.EMFILE, false},
		{fmt.Errorf("user: lookup username app: %w", syscall.EIO), false},
	} {
		if got := answered(c.err); got != c.want {
			t.Errorf("%v: %t", c.err, got)
		}
	}
}

func TestRanges(t *testing.T) {
	for text, want := range map[string][]int{"0": {0}, "0-3,8": {0, 1, 2, 3, 8}, "1,3": {1, 3}} {
		if got, ok := parseRanges(text); !ok || !slices.Equal(got, want) || ranges(got) != text {
			t.Errorf("%s: %v %q", text, got, ranges(got))
		}
	}
	for _, text := range []string{"", "-", "3-1", "a", "0-99999999999", "0-5000", "-1"} {
		if got, ok := parseRanges(text); ok {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestResourcesAreSorted(t *testing.T) {
	if !slices.IsSorted(Resources()) {
		t.Error(Resources())
	}
}
