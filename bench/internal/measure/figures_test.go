package measure

import (
	"testing"
	"time"
)

func TestQuantileIsATimeThatWasMeasured(t *testing.T) {
	upTo := func(n int) Figures {
		var f Figures
		for i := n; i > 0; i-- { // not in order
			f = append(f, time.Duration(i))
		}
		return f
	}
	for _, c := range []struct {
		n    int
		q    float64
		want time.Duration
	}{
		{0, 0.5, 0},
		{1, 0.99, 1},
		{4, 0.5, 2},
		{5, 0.5, 3},
		{20, 0.9, 18},
		{200, 0.99, 198},
		{200, 1, 200},
	} {
		if got := upTo(c.n).At(c.q); got != c.want {
			t.Errorf("quantile %v of 1..%d is %d, want %d", c.q, c.n, got, c.want)
		}
	}
}
