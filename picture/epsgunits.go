package picture

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"
)

// epsgUnits has EPSG's systems in other units than metres and degrees: testdata/picture/make_epsgunits.py.
//
//go:embed epsgunits.txt
var epsgUnits string

// EPSG's numbers of units.
const (
	unitMetre, unitDegree = 9001, 9102
	// unitSuppliedDegree is that of systems that leave open how degrees are written.
	unitSuppliedDegree = 9122
)

// systems are those from one number to another, in a unit.
type systems struct{ first, last, unit int }

var oddUnits = sync.OnceValue(func() (all []systems) {
	for line := range strings.Lines(epsgUnits) {
		fields := strings.Fields(line)
		unit, _ := strconv.Atoi(fields[0]) // written by a program
		for _, f := range fields[1:] {
			from, to, found := strings.Cut(f, "-")
			if !found {
				to = from
			}
			first, _ := strconv.Atoi(from)
			last, _ := strconv.Atoi(to)
			all = append(all, systems{first, last, unit})
		}
	}
	return all
})

// inUnit reports whether an EPSG system, projected or else geographic, is in the declared unit, 0 for none, which leaves it
// to the system. A unit of the file's own is none of EPSG's.
func inUnit(code int, projected bool, declared int) bool {
	own := unitDegree
	if projected {
		own = unitMetre
	}
	for _, s := range oddUnits() {
		if s.first <= code && code <= s.last {
			own = s.unit
		}
	}
	return declared == 0 || declared == own || declared == unitSuppliedDegree && own == unitDegree
}
