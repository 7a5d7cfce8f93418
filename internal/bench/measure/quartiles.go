package measure

import "slices"

// Quartiles are the middle of a series and the bounds of its middle half.
type Quartiles struct {
	Low, Median, High float64
}

// QuartilesOf returns the quartiles of values, zero for none.
func QuartilesOf(values []float64) Quartiles {
	if len(values) == 0 {
		return Quartiles{}
	}
	s := slices.Sorted(slices.Values(values))
	return Quartiles{Low: quantile(s, 0.25), Median: quantile(s, 0.5), High: quantile(s, 0.75)}
}

// quantile interpolates between the neighbours of rank p in a sorted series.
func quantile(sorted []float64, p float64) float64 {
	at := p * float64(len(sorted)-1)
	i := int(at)
	if i+1 == len(sorted) {
		return sorted[i]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}
