// Package plot draws the figures of a report. A figure is plain data in, a picture out: it knows no result directory.
//
//	OutageCDF, FaultOverlay, PhaseStack, Spectrum, LatencyTimeline, ThroughputTimeline, Calibration,
//	Course, Elections, Frontier, Restarts, Panels, Concurrency, Ratios, LaneDelays, Saturation, SpaceTimeDiagram,
//	LatencyHeatMap, ResponseScatter
//	      │ data
//	      ▼
//	   Figure ──► SVG(Wide|Narrow)   a file of its own, on white
//	          ──► Inline(...)        for an HTML page: colours are CSS variables, the size is the page's
//	          ──► PNG                for pasting
//	          ──► CSV                what was drawn
//
// Rules of the house:
//
//  1. The same data give the same bytes: no time, no map order, no identifier from outside.
//  2. Units, n and the kind of latency are in the title. Panels that are compared share their scales.
//  3. Where nothing happened a rate is drawn as zero and a latency as a gap; no line crosses what was not measured.
//  4. Colours are of the Okabe–Ito palette, and each series also differs in dash or in a label.
//  5. A figure is composed twice, for a wide page and for a phone, instead of shrinking its type.
package plot
