package savedmodel

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrUntrusted marks a SavedModel that would do more than compute. Options.Trust opens it all the
// same.
var ErrUntrusted = errors.New("it would do more than compute")

// Impure is an operation that can touch something outside of the model, or that may not be judged.
type Impure struct {
	Operation string `json:"operation"`
	Node      string `json:"node"`
	// Function is the one that the node is in; empty for the graph itself.
	Function string `json:"function,omitempty"`
	// When says what runs it: opening the model, or computing a signature.
	When string `json:"when"`
	// Why completes a sentence about the operation, such as "reads or writes files".
	Why string `json:"why"`
}

func (i Impure) String() string {
	place := i.Node
	if i.Function != "" {
		place += " in function " + i.Function
	}
	return fmt.Sprintf("%s %s (node %s, run %s)", i.Operation, i.Why, place, i.When)
}

// The most operations that an error lists, one of each kind before the second of any.
const mostListed = 5

// refuse is the error for operations that were found.
func refuse(dir string, found []Impure) error {
	var listed []string
	for _, one := range found[:min(len(found), mostListed)] {
		listed = append(listed, one.String())
	}
	if more := len(found) - mostListed; more > 0 {
		listed = append(listed, fmt.Sprintf("and %d more", more))
	}
	return fmt.Errorf("savedmodel: %s: %w: %s; --trust-model lets it: give that only if you know who made the model; extract model inspect shows what is in it and runs nothing", dir, ErrUntrusted, strings.Join(listed, "; "))
}

// varied orders what was found so that each operation comes once before any comes again.
func varied(found []Impure) []Impure {
	type ranked struct {
		Impure
		rank int
	}
	seen := map[string]int{}
	order := make([]ranked, len(found))
	for i, one := range found {
		order[i] = ranked{one, seen[one.Operation]}
		seen[one.Operation]++
	}
	slices.SortStableFunc(order, func(a, b ranked) int { return cmp.Compare(a.rank, b.rank) })
	result := make([]Impure, len(found))
	for i, one := range order {
		result[i] = one.Impure
	}
	return result
}
