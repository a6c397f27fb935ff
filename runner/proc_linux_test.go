package runner

import (
	"fmt"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestReadStat(t *testing.T) {
	self, ok := readStat(os.Getpid())
	if !ok || self.ppid != os.Getppid() || self.pid != os.Getpid() || self.start == 0 {
		t.Errorf("of this process: %+v", self)
	}
	if s, ok := readStat(1<<22 + 1); ok {
		t.Errorf("of none: %+v", s)
	}
}

func TestParseSockets(t *testing.T) {
	const header = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	line := func(addr, state, inode string) string {
		return "   0: " + addr + " 00000000:0000 " + state + " 00000000:00000000 00:00000000 00000000  1000        0 " + inode + " 1 0000 100 0 0 10 0\n"
	}
	table := header +
		line("0100007F:1F90", "0A", "11") + // listens
		line("0100007F:1F90", "01", "12") + // a connection
		line("00000000:1F91", "0A", "13") +
		line("00000000000000000000000000000000:1F92", "0A", "14") +
		line("0000000000000000FFFF00000100007F:1F93", "0A", "15") +
		line("00000000000000000000000001000000:1F94", "0A", "16") +
		"garbage\n" + line("zz:1F90", "0A", "17")
	var got []string
	sockets := parseSockets(table)
	for _, s := range sockets {
		word := fmt.Sprint(s.addr, " ", s.inode)
		if !s.listens {
			word += " connected"
		}
		got = append(got, word)
	}
	want := []string{"127.0.0.1:8080 11", "127.0.0.1:8080 12 connected", "0.0.0.0:8081 13", "[::]:8082 14", "[::ffff:127.0.0.1]:8083 15", "[::1]:8084 16"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	for _, c := range []struct {
		host string
		port int
		want string
	}{
		{"127.0.0.1", 8080, "11"},
		{"10.0.0.1", 8080, ""},
		{"10.0.0.1", 8081, "13"},
		{"::1", 8082, "14"},
		{"127.0.0.1", 8082, "14"},
		{"127.0.0.1", 8083, "15"},
		{"localhost", 8081, "13"},
		{"::1", 8084, "16"},
		{"::1", 9999, ""},
	} {
		if got := strings.Join(slices.Sorted(maps.Keys(serving(sockets, c.host, c.port))), " "); got != c.want {
			t.Errorf("serving %s:%d: %q, want %q", c.host, c.port, got, c.want)
		}
	}
}

func TestServes(t *testing.T) {
	listens := func(port uint16) socket {
		return socket{addr: netip.AddrPortFrom(netip.IPv4Unspecified(), port), listens: true}
	}
	connected := func(port uint16) socket { return socket{addr: netip.AddrPortFrom(netip.IPv4Unspecified(), port)} }
	for _, c := range []struct {
		own  []socket
		want bool
	}{
		{nil, false},
		{[]socket{listens(80)}, false},
		{[]socket{connected(80)}, false},                 // of a server that listens no more
		{[]socket{listens(80), connected(50000)}, false}, // to its database
		{[]socket{connected(80), listens(80)}, true},
		{[]socket{listens(80), listens(81), connected(81)}, true},
	} {
		if got := serves(c.own); got != c.want {
			t.Errorf("%v: %t", c.own, got)
		}
	}
}

func FuzzParseSockets(f *testing.F) {
	data, err := os.ReadFile("/proc/self/net/tcp")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(data))
	f.Fuzz(func(t *testing.T, table string) { parseSockets(table) })
}

func TestChildrenAgreeWithAScan(t *testing.T) {
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	for name, list := range map[string][]int{"children": children(os.Getpid()), "scan": childrenByScan(os.Getpid())} {
		if !slices.Contains(list, cmd.Process.Pid) {
			t.Errorf("%s: %v lacks %d", name, list, cmd.Process.Pid)
		}
	}
}

func TestMark(t *testing.T) {
	m := mark{run: "r", service: "web site", generation: 7}
	cmd := exec.Command("sh", "-c", "echo up; read line")
	cmd.Env = m.environ([]string{"A=1", envService + "=other", "B"})
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	// Start returns in the middle of execve, when the environment is not in its
	// place yet.
	if _, err := stdout.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if got, ok := readMark(cmd.Process.Pid); !ok || got != m {
		t.Errorf("%+v, %t", got, ok)
	}
	if got, ok := readMark(os.Getpid()); ok {
		t.Errorf("this process is marked: %+v", got)
	}
}

// A pid that was given to another process must not be signalled.
func TestASignalGoesToWhoWasSeen(t *testing.T) {
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	s, ok := readStat(cmd.Process.Pid)
	if !ok {
		t.Fatal("no stat")
	}
	other := s.identity
	other.start--
	if fd, err := openPid(other); err == nil {
		t.Errorf("descriptor %d of a process that started at another time", fd)
	}
}
