// Package versus compares results: is NEW better or worse than BASE, by how much, and can that be said at all?
//
//	BASE, NEW... ──► Conditions ──► metrics of equal arms ──► ratio, interval, p ──► verdict ──► text, page
//
// Smallest use:
//
//	c, err := versus.Compare(base, []*result.Result{fresh}, versus.Options{})
//	fmt.Print(c.Text())
//
// # What a verdict means
//
// The unit is the run, or the trial of a fault (rule R8): operations of one run are not independent. For each metric
// of each arm that both results have: the ratio of NEW to BASE (Hodges and Lehmann's estimate), its 95 % interval,
// and the probability of as much by chance (Mann and Whitney's test, corrected after Holm for the number of metrics).
//
//   - better, worse: the whole interval is on that side of no difference, by more than the noise floor and than
//     Options.Threshold (rule R17), and p < 0.05;
//   - the same: the whole interval is within Options.Threshold of no difference;
//   - cannot resolve: anything else. It does not mean that there is no difference; Needed says how many values
//     each side would need to see one of 5 %.
//
// The noise floor is how much two results of identical code differ, which Options.Floor is: another result like BASE.
// It is by how far from 1 its ratio to BASE is, metric by metric. Without it the floor is not known, and the
// comparison says so.
//
// # What is not compared
//
// Results of another durability class, read consistency, machine or placement are refused (rule R20), unless
// Options.Anyway: then Warnings says what differs. Latencies and outages only: the rate is given by the open loop.
package versus
