package procstat

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSampleOfARealTree measures a process with a child, and compares with ps.
func TestSampleOfARealTree(t *testing.T) {
	cmd := exec.Command("python3", "-c", `
import subprocess, sys, threading, time
data = bytearray(64 << 20)
files = [open("/dev/null") for _ in range(20)]
for _ in range(3):
    threading.Thread(target=sys.stdin.read, daemon=True).start()
child = subprocess.Popen([sys.executable, "-c", "import sys; print('child', flush=True); sys.stdin.read()"])
begin = time.process_time()
while time.process_time() - begin < 0.5:
    pass
print("burnt", flush=True)
sys.stdin.read()
`)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer in.Close()
	lines := bufio.NewScanner(out)
	for range 2 {
		if !lines.Scan() {
			t.Fatal("it ended")
		}
	}
	pid := cmd.Process.Pid
	var m Meter
	got := m.Sample(time.Now(), pid)[pid]
	took := time.Since(begin)
	rss, threads := ps(t, pid)
	if got.Processes != 2 || got.Threads != threads || got.FDs < 26 || got.FDs > 40 {
		t.Errorf("%+v, want 2 processes, %d threads, some 30 files", got, threads)
	}
	if diff := got.RSS - rss; diff < -1<<20 || diff > 1<<20 || got.RSS < 64<<20 {
		t.Errorf("resident memory %d, ps says %d", got.RSS, rss)
	}
	// 0.5 s of work and the start of two interpreters, in no less than half the
	// time that passed here.
	if least := 100 * 0.4 / took.Seconds(); got.CPU < least || got.CPU > 250 {
		t.Errorf("CPU %.0f %% after %v, want at least %.0f %%", got.CPU, took, least)
	}
	again := m.Sample(time.Now(), pid)[pid]
	if again.Max.CPU < got.CPU || again.Max.RSS < got.RSS {
		t.Errorf("the most is %+v after %+v", again.Max, got)
	}
	in.Close()
	io.Copy(io.Discard, out)
	cmd.Wait()
	if left := m.Sample(time.Now(), pid); len(left) != 0 {
		t.Errorf("it has ended, and uses %v", left)
	}
}

// ps adds up what ps says of a process and its child.
func ps(t *testing.T, pid int) (rss int64, threads int) {
	t.Helper()
	out, err := exec.Command("ps", "-o", "rss=,nlwp=", "-g", strconv.Itoa(pid)).Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		kb, err1 := strconv.ParseInt(words[0], 10, 64)
		n, err2 := strconv.Atoi(words[1])
		if err1 != nil || err2 != nil {
			t.Fatalf("ps said %q", line)
		}
		rss, threads = rss+kb<<10, threads+n
	}
	return rss, threads
}

func TestParse(t *testing.T) {
	const rest = " 1 42 40 0 -1 0 0 0 0 0 150 50 7 7 20 0 3 0 12345 1000 200 0 0"
	p, ok := parse([]byte("42 (a) S (b\n) S"+rest), 4096)
	want := process{identity: identity{42, 123450 * time.Millisecond}, session: 40, cpu: 2 * time.Second, threads: 3, rss: 200 * 4096}
	if !ok || p.identity != want.identity || p.session != want.session || p.cpu != want.cpu || p.threads != want.threads || p.rss != want.rss {
		t.Errorf("got %+v, %v, want %+v", p, ok, want)
	}
	for _, bad := range []string{"", "42", "42 (a", "42 (a) S 1 2", "x (a) S" + rest, "42 (a) S" + strings.Replace(rest, " 40 ", " x ", 1)} {
		if p, ok := parse([]byte(bad), 4096); ok {
			t.Errorf("%q was read as %+v", bad, p)
		}
	}
	if _, ok := parse([]byte("42 (a) Z"+strings.Replace(rest, " 20 0 3 ", " 20 0 1 ", 1)), 4096); ok {
		t.Error("a zombie uses something")
	}
}

// FuzzParse checks that no line breaks it.
func FuzzParse(f *testing.F) {
	if line, err := os.ReadFile("/proc/self/stat"); err == nil {
		f.Add(line)
	}
	f.Add([]byte("1 () Z 0"))
	f.Fuzz(func(t *testing.T, line []byte) { parse(line, 4096) })
}

func BenchmarkSample(b *testing.B) {
	b.ReportAllocs()
	var m Meter
	for b.Loop() {
		m.Sample(time.Time{}, os.Getpid())
	}
}
