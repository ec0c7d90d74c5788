// Package stat holds the statistics of reports: order statistics, their intervals, and the rule of when a sample is too
// small to speak of them.
//
//	sample ──► Sorted ──► Quantile, Interval, ECDF, DKW
//
// Smallest use:
//
//	s := stat.Sorted(values)
//	if p50, ok := s.Quantile(.5); ok { ... }        // not ok below MinSample(.5) = 6
//	low, high, ok := s.Interval(.5)                 // 95 % interval of the median
//
// A quantile q of n values is the order statistic of rank ⌈q·n⌉: a value that was observed, never an interpolation.
//
// The interval is distribution-free: how many of n values lie below the true quantile is binomial (n, q), so two order
// statistics enclose it with a probability that does not depend on the distribution. It holds when the values are
// independent: trials are, the operations of one run are not (rule R8).
//
// Quantiles and distributions are gonum's. The rank sum test, the shift and ratio of Hodges and Lehmann with their
// intervals, and Holm's correction are written here: gonum has none of them, and golang.org/x/perf/benchmath compares
// two samples without saying by how much they differ, in what interval. They are tested against the usual tables and,
// by chance with a seed, against what they promise; reports/versus does so for whole comparisons.
package stat
