package versus

import (
	"fmt"
	"strings"

	"github.com/raftmark/raftmark/bench/result"
)

// ConditionsError says what was not the same when two results were measured.
type ConditionsError struct {
	Dir         string
	Differences []string
}

// Error implements error.
func (e *ConditionsError) Error() string {
	return fmt.Sprintf("%s was measured under other conditions: %s", e.Dir, strings.Join(e.Differences, "; "))
}

// differences returns in what the conditions of two results differ that no difference of their figures could be told
// from (rule R20).
func differences(base, other *result.Result) []string {
	var all []string
	differ := func(what string, a, b any) {
		if a != b {
			all = append(all, fmt.Sprintf("%s %v, not %v", what, b, a))
		}
	}
	a, b := base.Manifest.Environment, other.Manifest.Environment
	differ("operating system", a.OS, b.OS)
	differ("architecture", a.Arch, b.Arch)
	differ("processor", a.CPUModel, b.CPUModel)
	differ("processors", a.CPUs, b.CPUs)
	differ("GOMAXPROCS", a.GOMAXPROCS, b.GOMAXPROCS)
	differ("file system", a.Filesystem, b.Filesystem)
	differ("placement", a.Placement, b.Placement)
	differ("storage", base.Manifest.Storage, other.Manifest.Storage)
	return all
}

// armDifferences is the same for two arms.
func armDifferences(base, other *result.Arm) []string {
	var all []string
	differ := func(what string, a, b any) {
		if a != b {
			all = append(all, fmt.Sprintf("%s: %s %v, not %v", other.Name, what, b, a))
		}
	}
	differ("durability", base.Durability, other.Durability)
	for _, key := range []string{"nodes", "reads", "load.rate", "load.schedule", "load.payload", "load.read_share",
		"load.key_dist", "link.delay", "link.jitter", "link.loss", "link.bandwidth", "system"} {
		differ(key, setting(base.Config, key), setting(other.Config, key))
	}
	return all
}

// setting returns what an arm's configuration says under a key with dots.
func setting(config map[string]any, key string) string {
	name, rest, nested := strings.Cut(key, ".")
	value, ok := config[name]
	if inner, isMap := value.(map[string]any); nested && isMap {
		return setting(inner, rest)
	}
	if !ok || nested {
		return "(default)"
	}
	return fmt.Sprint(value)
}
