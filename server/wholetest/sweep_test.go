package wholetest

import "os"

// long says whether all of a sweep is to run, and not a sample only.
func long() bool { return os.Getenv("RAFTMARK_STORAGE") == "long" }
