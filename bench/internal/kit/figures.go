package kit

import (
	"path"
	"slices"
	"strings"

	"golang.org/x/mod/module"
)

// Figure is one number of a measurement.
type Figure[R any] func(R) float64

// Values returns the figure of each measurement.
func Values[R any](list []R, f Figure[R]) []float64 {
	v := make([]float64, len(list))
	for i, x := range list {
		v[i] = f(x)
	}
	return v
}

// Median returns the middle one of the values, or the mean of the two in the middle if their number
// is even, or 0 if there are none.
func Median(list []float64) float64 {
	n := len(list)
	if n == 0 {
		return 0
	}
	list = slices.Sorted(slices.Values(list))
	return (list[(n-1)/2] + list[n/2]) / 2
}

// ProjectName returns the short name of a module, given as path or path@version: the last element
// of the path, without a major version.
func ProjectName(mod string) string {
	name, _, _ := strings.Cut(mod, "@")
	if prefix, _, ok := module.SplitPathVersion(name); ok {
		name = prefix
	}
	return path.Base(name)
}
