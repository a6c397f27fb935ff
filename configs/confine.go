package configs

import (
	"encoding/json"
	"fmt"
	"math/bits"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"bounce/runner"
)

// Limit is a limit of a resource: a number, "unlimited", or a soft and a hard
// one, as in 1024:4096. Numbers may end in K, M, G or T, powers of 1024.
type Limit runner.Limit

func (l *Limit) decode(d *decoder, n *node, path string, _ reflect.StructTag) {
	if n.kind != scalar || n.null() {
		d.wrong(n, path, "a limit", `example:"4096"`)
		return
	}
	limit, ok := parseLimit(n.text)
	if !ok {
		d.fail(n.pos, fmt.Sprintf("%s cannot be %s", path, quoted(n.text)), "write a number such as 4096 or 512M, unlimited, or soft:hard as in 1024:4096")
		return
	}
	if limit.Soft > limit.Hard {
		d.fail(n.pos, fmt.Sprintf("%s cannot be %s: the soft limit is above the hard one", path, quoted(n.text)), "write the lower one first")
		return
	}
	*l = limit
}

// limitForm is what a limit looks like.
const limitForm = `^([0-9]+[KMGT]?|unlimited)(:([0-9]+[KMGT]?|unlimited))?$`

func parseLimit(text string) (Limit, bool) {
	soft, hard, both := strings.Cut(text, ":")
	if !both {
		hard = soft
	}
	s, ok := parseAmount(soft)
	h, ok2 := parseAmount(hard)
	return Limit{s, h}, ok && ok2
}

func parseAmount(text string) (uint64, bool) {
	if text == "unlimited" {
		return runner.Unlimited, true
	}
	shift := 0
	if text != "" {
		if i := strings.IndexByte("KMGT", text[len(text)-1]); i >= 0 {
			shift, text = 10*(i+1), text[:len(text)-1]
		}
	}
	n, err := strconv.ParseUint(text, 10, 64)
	return n << shift, err == nil && bits.LeadingZeros64(n) >= shift && n<<shift != runner.Unlimited
}

// String writes a limit as parseLimit reads it.
func (l Limit) String() string {
	word := func(n uint64) string {
		if n == runner.Unlimited {
			return "unlimited"
		}
		return strconv.FormatUint(n, 10)
	}
	if l.Soft == l.Hard {
		return word(l.Hard)
	}
	return word(l.Soft) + ":" + word(l.Hard)
}

// MarshalJSON writes the text of a limit.
func (l Limit) MarshalJSON() ([]byte, error) { return json.Marshal(l.String()) }

// confined checks what a service may use. Whether its user is there and its
// CPUs are is for the machine that it is to run on: see [runner.Preflight].
func (k *checker) confined(path string, s Service) {
	for key, name := range map[string]string{"user": s.User, "group": s.Group} {
		at := path + "." + key
		if k.given(at) && !k.failed(at) && (name == "" || strings.ContainsAny(name, ": \x00\n")) {
			k.fail(at, fmt.Sprintf("%s cannot be %s", at, quoted(name)), "write a name such as www-data, or a number; a group has a key of its own")
		}
	}
	if at := path + ".umask"; k.given(at) && !k.failed(at) && !octal.MatchString(s.Umask) {
		k.fail(at, fmt.Sprintf("%s cannot be %s", at, quoted(s.Umask)), `write it in octal, as in "0027"`)
	}
	for name := range s.Limits {
		at := child(path+".limits", name)
		if known := runner.Resources(); !slices.Contains(known, name) {
			hint := "the resources are " + strings.Join(known, ", ")
			if near := nearest(name, known); near != "" {
				hint = fmt.Sprintf("did you mean %s?", near)
			}
			k.failKey(at, fmt.Sprintf("%s: there is no resource %s", at, quoted(name)), hint)
		}
	}
	seen := map[int]bool{}
	for i, cpu := range s.Affinity {
		if at := element(path+".affinity", i); seen[cpu] && !k.failed(at) {
			k.fail(at, fmt.Sprintf("%s.affinity names CPU %d twice", path, cpu), "remove one")
		}
		seen[cpu] = true
	}
}

// confine returns who a service runs as and what it may use, as the runner
// takes it.
func (s Service) confine() runner.Confine {
	c := runner.Confine{User: s.User, Group: s.Group, CPUs: slices.Clone(s.Affinity), Nice: s.Nice}
	if s.Umask != "" {
		mask, _ := strconv.ParseUint(s.Umask, 8, 32) // it was checked
		c.Umask = new(uint32)
		*c.Umask = uint32(mask)
	}
	if len(s.Limits) > 0 {
		c.Limits = make(map[string]runner.Limit, len(s.Limits))
		for name, l := range s.Limits {
			c.Limits[name] = runner.Limit(l)
		}
	}
	return c
}

// confinement are the parts of the start identity that differ from none at all.
func (s Service) confinement() map[string]string {
	parts := map[string]string{}
	add := func(name string, is bool, value any) {
		if is {
			parts[name] = fmt.Sprint(value)
		}
	}
	add("user", s.User+s.Group != "", unambiguous([]string{s.User, s.Group}))
	add("umask", s.Umask != "", s.Umask)
	add("limits", len(s.Limits) > 0, s.Limits) // Sprint sorts maps
	add("affinity", len(s.Affinity) > 0, slices.Sorted(slices.Values(s.Affinity)))
	add("nice", s.Nice != 0, s.Nice)
	return parts
}

// personal are the variables that are about the agent's user, not about that
// of a service which has another one.
var personal = []string{"HOME", "USER", "LOGNAME", "SHELL", "MAIL", "XDG_RUNTIME_DIR"}
