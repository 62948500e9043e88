package svgchart

import "math"

// tickStep returns the least round number (1, 2 or 5 with zeros) of which at most n fit into a
// range that begins at 0.
func tickStep(most float64, n int) float64 {
	least := most / float64(max(n, 1))
	power := math.Pow(10, math.Floor(math.Log10(least)))
	for _, digit := range []float64{1, 2, 5} {
		if digit*power >= least {
			return digit * power
		}
	}
	return 10 * power
}
