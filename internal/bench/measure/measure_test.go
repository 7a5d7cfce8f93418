package measure

import (
	"os"
	"testing"
)

func TestQuartiles(t *testing.T) {
	for _, c := range []struct {
		in   []float64
		want Quartiles
	}{
		{nil, Quartiles{}},
		{[]float64{3}, Quartiles{3, 3, 3}},
		{[]float64{5, 1, 3, 2, 4}, Quartiles{2, 3, 4}},
		{[]float64{4, 1, 3, 2}, Quartiles{1.75, 2.5, 3.25}},
	} {
		if got := QuartilesOf(c.in); got != c.want {
			t.Errorf("quartiles of %v are %v, want %v", c.in, got, c.want)
		}
	}
}

// TestRSSIsInBytes guards the unit: a Go test binary has between 1 MB and 10 GB.
func TestRSSIsInBytes(t *testing.T) {
	got, err := rss(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if got < 1<<20 || got > 10<<30 {
		t.Errorf("this process has %d resident bytes", got)
	}
}
