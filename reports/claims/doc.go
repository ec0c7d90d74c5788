// Package claims binds the figures that a Markdown file quotes to stored results, so that prose and data cannot part
// without somebody being told.
//
//	file.md ──► scan ──► sources: results, opened and checked
//	              │  ──► claims: expression, format, and the text that stands there
//	              └────► evaluate ──► Finding{holds | parted | broken} ──► raftmark verify
//
// What is bound stands between two comments, which no reader of the rendered page sees. First a name for each result,
// with the path as a link of this file would have it; a name may also be of a part of another:
//
//	<!-- claims:
//	run = results/20260102T150405Z-standard
//	tcp = run.arms[transport=tcp]
//	-->
//
// then, within a line, one value:
//
//	takes <!-- claim: tcp.steady.response_us.p99 us -->1.93 ms<!-- /claim --> at the 99th percentile
//
// or, over several lines, a template, for whole tables:
//
//	<!-- claim:
//	| transport | p50 | p99 |
//	| --- | --- | --- |
//	| tcp | {tcp.steady.response_us.p50 us} | {tcp.steady.response_us.p99 us} |
//	-->
//	| transport | p50 | p99 |
//	| --- | --- | --- |
//	| tcp | 862 µs | 1.93 ms |
//	<!-- /claim -->
//
// An expression is a value, or some with + - * / between them from left to right, then a format. A value is a number or
// a path from a name:
//
//   - the fields of summary.json, and below manifest those of manifest.json, below elections those of elections.json;
//   - trials, timeline, stages, exchange, election_trials, election_hours are the rows of the CSV files;
//   - list[NAME] is the element of that name or kind; list[a=b,c>1] are those that fit, and "quotes" hold a comma;
//   - list.count, list.sum(field), list.min(field), list.max(field), list.median(field);
//   - report[TITLE] is a section of the result's published report, report[facts] what stands above its sections;
//   - dir is the result's path, as it was written.
//
// A source may also be one CSV file, the data of a picture: then the name is the list of its rows.
//
// Formats: us and ms (a duration, three digits), count (groups with thin spaces), comma (98,346), commit (12
// characters), date (2006-01-02), or one verb of package fmt, such as %.1f. Text and whole numbers need none.
//
// What holds:
//
//  1. A result that is damaged, of an unknown schema, or not one, is an error, never a figure (see package result).
//  2. A result that is invalid, unsafe or interrupted is not quoted as if it held: its claims part, unless its source
//     says "(invalid)", which is an error for a result that holds.
//  3. A value that is null, because its sample was too small, or -1, because it was not observed, is an error.
//  4. A path that meets no element, or several where one is meant, is an error.
//  5. A section of a report is quoted only as SHA256SUMS of the site around the result has it (see package site).
//  6. What looks like a mark and is none is an error. Code between fences is not looked at.
package claims
