package kit

import "slices"

// Figure is one number of what was measured at once.
type Figure[R any] func(R) float64

// Values returns one figure of each.
func Values[R any](list []R, f Figure[R]) []float64 {
	v := make([]float64, len(list))
	for i, x := range list {
		v[i] = f(x)
	}
	return v
}

// Median returns the middle of the values, the mean of both in the middle for an even
// number, and 0 for none.
func Median(list []float64) float64 {
	n := len(list)
	if n == 0 {
		return 0
	}
	list = slices.Sorted(slices.Values(list))
	return (list[(n-1)/2] + list[n/2]) / 2
}
