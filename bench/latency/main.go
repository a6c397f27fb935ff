//go:build linux

// Latency measures how long bounce takes from a save to the new process, and
// what it costs to have it run:
//
//	go run ./bench/latency -bounce build/bounce
//
// It generates projects of Python modules whose import graph leads from the
// service's entry to the module that is edited, runs a service in C that ends
// at once on TERM, and takes the time from right before close(2) of the write,
// or rename(2), to the "started" event of the agent, which is stamped when
// execve has returned; the service's own clock readings at its main() check
// that. Beside it run a floor, the least that any reloader with this quiet
// time does, and other reloaders that can be installed from their registries.
//
// It needs Linux and a C compiler. It prints a verdict against the target
// and exits 0 whatever it is: a busy machine is no fault of the program.
package main

import (
	"bounce/bench/internal/measure"
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The target, for a quiet time q: the median within q+medianOver, the 99th
// percentile within q+p99Over.
const (
	quiet      = 20 * time.Millisecond
	medianOver = 5 * time.Millisecond
	p99Over    = 20 * time.Millisecond
)

// stormFiles are rewritten within one second.
const stormFiles = 2000

// launches is how often bounce is started to time that, with nothing kept from
// an earlier start and with all.
const launches = 5

type options struct {
	bounce string
	n      int
	sizes  []int
	peers  bool
	idle   time.Duration
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "latency:", err)
		os.Exit(1)
	}
}

func run() error {
	var o options
	files := flag.String("files", "100,5000", "sizes of the trees, in Python files")
	flag.StringVar(&o.bounce, "bounce", "build/bounce", "the program to measure")
	flag.IntVar(&o.n, "n", 200, "saves per tree and way of saving")
	flag.BoolVar(&o.peers, "peers", true, "install and measure other reloaders too, on the largest tree")
	flag.DurationVar(&o.idle, "idle", 10*time.Second, "how long to watch the idle agent")
	flag.Parse()
	for size := range strings.SplitSeq(*files, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(size))
		if err != nil || n < perPackage {
			return fmt.Errorf("-files: %q is no number of files from %d", size, perPackage)
		}
		o.sizes = append(o.sizes, n)
	}
	if o.n < 1 || flag.NArg() > 0 {
		return fmt.Errorf("-n is %d, and arguments are %q; want at least 1 and none", o.n, flag.Args())
	}
	slices.Sort(o.sizes)
	var err error
	if o.bounce, err = filepath.Abs(o.bounce); err != nil {
		return err
	}
	version, err := exec.Command(o.bounce, "version").Output()
	if err != nil {
		return fmt.Errorf("cannot run %s, which make build makes: %w", o.bounce, err)
	}
	dir, err := os.MkdirTemp("", "bounce-latency-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	fmt.Printf("%s\n%s\n%s, %d saves per row\n", strings.TrimSpace(string(version)), measure.Machine(), time.Now().Format(time.DateOnly), o.n)
	return bench(ctx, o, dir)
}

// bench runs everything below dir. Between two series it heeds ctx.
func bench(ctx context.Context, o options, dir string) error {
	pr, err := newProbe(dir)
	if err != nil {
		return err
	}
	defer pr.close()

	var rows []*series
	var costs []cost
	var p *project
	for _, size := range o.sizes {
		if p, err = newProject(filepath.Join(dir, fmt.Sprintf("tree%d", size)), size); err != nil {
			return err
		}
		measured, err := measureFloor(p, pr, o.n, quiet)
		if err != nil {
			return fmt.Errorf("floor: %w", err)
		}
		rows = append(rows, measured...)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		measured, c, err := measureBounce(ctx, o, p, pr, filepath.Join(dir, "state"))
		if err != nil {
			return err
		}
		rows, costs = append(rows, measured...), append(costs, c)
	}
	printLatency(rows)
	printStages(rows)
	printCosts(costs)
	if o.peers {
		if err := benchPeers(ctx, o, dir, p, pr); err != nil {
			return err
		}
	}
	fmt.Println("\n" + verdict(rows))
	return nil
}

// cost is what bounce takes on one tree besides the latency of a save.
type cost struct {
	files             int
	scanned, first    measure.Figures // from launch to the first scan's end and to the first start
	again             measure.Figures // to the scan's end with what an earlier start kept
	saved, synced     measure.Figures
	storm             storm
	idle, rss, peak   float64
	idleFor, stopping time.Duration
}

func measureBounce(ctx context.Context, o options, p *project, pr *probe, state string) ([]*series, cost, error) {
	c := cost{files: len(p.modules), idleFor: o.idle}
	if err := cmp.Or(os.MkdirAll(state, 0o700), configure(p, pr, quiet)); err != nil {
		return nil, c, err
	}
	var a *agent
	for i := range 2 * launches {
		scanned := &c.again
		if i%2 == 0 {
			scanned = &c.scanned
			if err := forgetStart(state); err != nil {
				return nil, c, err
			}
		}
		var err error
		if a, err = launch(o.bounce, p.dir, state); err != nil {
			return nil, c, err
		}
		events, err := a.await("unverified")
		if err != nil {
			return nil, c, err
		}
		for kind, into := range map[string]*measure.Figures{"scanned": scanned, "started": &c.first} {
			if e, ok := find(events, kind); ok {
				*into = append(*into, e.Time.Sub(a.launched))
			}
		}
		if _, err := pr.next(patience); err != nil {
			return nil, c, err
		}
		if i < 2*launches-1 {
			if err := a.stop(); err != nil {
				return nil, c, err
			}
		}
	}
	rows, err := a.measureAll(ctx, o, p, pr, &c)
	began := time.Now()
	if stopped := a.stop(); err == nil {
		err = stopped
	}
	c.stopping = time.Since(began)
	return rows, c, err
}

// forgetStart removes what an earlier start kept.
func forgetStart(state string) error {
	for _, name := range []string{"hashes", "facts"} {
		kept, err := filepath.Glob(filepath.Join(state, "bounce", "*", name))
		if err != nil {
			return err
		}
		for _, file := range kept {
			if err := os.Remove(file); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *agent) measureAll(ctx context.Context, o options, p *project, pr *probe, c *cost) ([]*series, error) {
	rows, err := a.measure(p, pr, o.n, quiet)
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if c.saved, c.synced, err = a.measureSync(p, pr, min(o.n, 50), quiet); err != nil {
		return nil, err
	}
	// On a busy machine the bench itself may be too slow for a storm.
	for range 3 {
		if c.storm, err = a.measureStorm(p, pr, stormFiles); err != nil {
			return nil, err
		}
		if c.storm.took < time.Second {
			break
		}
	}
	c.idle = a.idle(o.idle)
	pid := a.cmd.Process.Pid
	c.rss, c.peak = measure.Memory(pid, "VmRSS"), measure.Memory(pid, "VmHWM")
	return rows, nil
}

// benchPeers measures the other reloaders; one that cannot be had is left out
// with the reason.
func benchPeers(ctx context.Context, o options, dir string, p *project, pr *probe) error {
	fmt.Printf("\nOther reloaders, same service, %d files: ms from the save to main()\n\n", len(p.modules))
	var rows []*series
	for _, peer := range peers(quiet) {
		home := filepath.Join(dir, peer.name)
		if err := os.MkdirAll(home, 0o755); err != nil {
			return err
		}
		if err := peer.install(ctx, home); err != nil {
			fmt.Printf("%s %s is left out: it cannot be installed: %v\n", peer.name, peer.version, err)
			continue
		}
		for _, m := range peer.modes {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			name := peer.name + " " + peer.version + ", " + m.words
			measured, err := m.measure(name, home, p, pr, min(o.n, 50))
			if err != nil {
				fmt.Printf("%s is left out: %v\n", name, err)
				continue
			}
			rows = append(rows, measured...)
		}
	}
	t := measure.NewTable("tool", "debounce", "save", "saves", "median", "p90", "p99", "max", "not answered", "more starts", "others' CPU")
	for _, r := range rows {
		t.Row(append(append([]string{r.tool, r.quiet.String(), r.save, fmt.Sprint(len(r.begun) + r.missed)}, spread(r.begun)...),
			fmt.Sprint(r.missed), fmt.Sprint(r.extra), fmt.Sprintf("%.0f %%", r.others))...)
	}
	t.Print()
	return nil
}

func printLatency(rows []*series) {
	fmt.Printf("\nFrom the save to the new process, ms; quiet is %s\n\n", quiet)
	t := measure.NewTable("tool", "files", "save", "to", "median", "p90", "p99", "max", "more starts", "others' CPU")
	for _, r := range rows {
		about := []string{fmt.Sprint(r.extra), fmt.Sprintf("%.0f %%", r.others)}
		for _, to := range []struct {
			name  string
			times measure.Figures
		}{{"execve returned", r.execve}, {"main() began", r.begun}} {
			if len(to.times) > 0 {
				t.Row(slices.Concat([]string{r.tool, fmt.Sprint(r.files), r.save, to.name}, spread(to.times), about)...)
			}
		}
		if r.stepped > 0 {
			fmt.Printf("the wall clock was set during %d saves: execve times of %s, %d files, %s are off\n", r.stepped, r.tool, r.files, r.save)
		}
	}
	t.Print()
}

func printStages(rows []*series) {
	fmt.Printf("\nWhere it goes, ms, median (p99); the first includes the quiet time\n\n")
	t := measure.NewTable("files", "save", "save to batch decided", "to stopping", "to exited", "to starting", "to execve returned")
	for _, r := range rows {
		if r.stages == nil {
			continue
		}
		cells := []string{fmt.Sprint(r.files), r.save}
		for _, stage := range stages {
			cells = append(cells, fmt.Sprintf("%s (%s)", measure.MS(r.stages[stage].Median()), measure.MS(r.stages[stage].At(0.99))))
		}
		t.Row(cells...)
	}
	t.Print()
}

func printCosts(costs []cost) {
	fmt.Printf("\nBesides\n\n")
	cells := [][]string{
		{"files"},
		{"start of bounce up to the tree watched and read, ms, median of " + fmt.Sprint(launches)},
		{"the same with what an earlier start kept, ms"},
		{"start of bounce up to the first service started, ms"},
		{"save to the return of bounce sync, ms, median (p99)"},
		{"bounce sync with nothing to wait for, ms"},
		{"storm: files rewritten, in ms"},
		{"storm: starts"},
		{"storm: last write to last start, ms"},
		{"idle, % of a core"},
		{"memory, MiB (peak)"},
		{"Ctrl-C to the end of all, ms"},
	}
	for _, c := range costs {
		wrote, starts, last := "-", "-", "-"
		if c.storm.files > 0 {
			wrote, starts, last = fmt.Sprintf("%d in %s", c.storm.files, measure.MS(c.storm.took)), fmt.Sprint(c.storm.starts), measure.MS(c.storm.last)
		}
		for i, cell := range []string{
			fmt.Sprint(c.files), measure.MS(c.scanned.Median()), measure.MS(c.again.Median()), measure.MS(c.first.Median()),
			fmt.Sprintf("%s (%s)", measure.MS(c.saved.Median()), measure.MS(c.saved.At(0.99))), measure.MS(c.synced.Median()),
			wrote, starts, last,
			fmt.Sprintf("%.2f over %s", c.idle, c.idleFor), fmt.Sprintf("%.1f (%.1f)", c.rss, c.peak), measure.MS(c.stopping),
		} {
			cells[i] = append(cells[i], cell)
		}
	}
	t := measure.NewTable(cells[0]...)
	for _, row := range cells[1:] {
		t.Row(row...)
	}
	t.Print()
}

// verdict compares bounce with the target, in one line. It ends with what the
// floor took at worst: a machine that is too busy for that is too busy for any
// verdict.
func verdict(rows []*series) string {
	met := "met"
	var words []string
	var worst time.Duration
	for _, r := range rows {
		if len(r.execve) == 0 {
			worst = max(worst, r.begun.At(0.99))
			continue
		}
		median, p99 := r.execve.Median(), r.execve.At(0.99)
		words = append(words, fmt.Sprintf("%d files, %s: %s / %s", r.files, r.save, measure.MS(median), measure.MS(p99)))
		if median > quiet+medianOver || p99 > quiet+p99Over {
			met = "MISSED"
		}
	}
	return fmt.Sprintf("Target (median %s, p99 %s): %s. %s. The worst p99 of the floor: %s.",
		quiet+medianOver, quiet+p99Over, met, strings.Join(words, "; "), measure.MS(worst))
}
