package cli

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

// paceOfCollections is how GOGC and GOMEMLIMIT stand, and how many collections there were.
func paceOfCollections(t *testing.T) (percent, limit, collections uint64) {
	t.Helper()
	values := []metrics.Sample{{Name: "/gc/gogc:percent"}, {Name: "/gc/gomemlimit:bytes"}, {Name: "/gc/cycles/total:gc-cycles"}}
	metrics.Read(values)
	return values[0].Value.Uint64(), values[1].Value.Uint64(), values[2].Value.Uint64()
}

// kept keeps what is allocated out of registers and off the stack.
var kept []byte

// Garbage of less than 80 MB is left, more is collected, and from then on all is as it was.
func TestPutOffCollections(t *testing.T) {
	const usual, wanted = 70, 1 << 40 // of no program
	for name, test := range map[string]struct {
		limit    int64
		allowed  uint64 // bytes of garbage
		obeyed   string // GOGC
		at, most uint64 // GOGC and GOMEMLIMIT until then
	}{
		"the program's limit":   {wanted, firstCollection, "", math.MaxUint64, firstCollection},
		"a lower one":           {firstCollection / 2, firstCollection / 2, "", math.MaxUint64, firstCollection / 2},
		"GOGC is left as it is": {wanted, firstCollection, "70", usual, wanted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("GOGC", test.obeyed)
			defer debug.SetGCPercent(debug.SetGCPercent(usual))
			defer debug.SetMemoryLimit(debug.SetMemoryLimit(test.limit))
			debug.FreeOSMemory()
			putOffCollections()
			percent, limit, before := paceOfCollections(t)
			if percent != test.at || limit != test.most {
				t.Errorf("at first GOGC is %d and the limit %d, want %d and %d", percent, limit, test.at, test.most)
			}
			allocated := uint64(0)
			for ; ; allocated += uint64(len(kept)) {
				if _, _, collections := paceOfCollections(t); collections > before {
					break
				}
				kept = make([]byte, 1<<20)
				time.Sleep(time.Millisecond) // a collection takes some time, and garbage can be made faster
			}
			if allocated > test.allowed {
				t.Errorf("after %d MB of garbage there is no collection", allocated>>20)
			}
			if test.obeyed == "" && allocated < test.allowed/4 {
				t.Errorf("after %d MB of garbage there is a collection", allocated>>20)
			}
			for began := time.Now(); ; runtime.Gosched() {
				if percent, limit, _ = paceOfCollections(t); percent == usual && limit == uint64(test.limit) {
					break
				}
				if time.Since(began) > 10*time.Second {
					t.Fatalf("then GOGC is %d and the limit %d, want %d and %d", percent, limit, usual, test.limit)
				}
			}
		})
	}
}
