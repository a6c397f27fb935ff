package watcher

import (
	"flag"
	"os"
	"runtime"
	"strconv"
	"testing"
)

// TestMain runs more tests at once than there are cores: most of them wait for
// a batch to close.
func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv(scriptsVariable) == "" {
		_ = flag.Set("test.parallel", strconv.Itoa(max(4, runtime.GOMAXPROCS(0)))) // a number it takes
	}
	os.Exit(m.Run())
}
