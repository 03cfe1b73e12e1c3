package weights

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nlpodyssey/gopickle/types"
)

// entry is an entry of a dictionary.
type entry struct {
	name  string
	value any
}

// wrappers are the keys under which trainers store the state dict in a checkpoint, beside the
// epoch, the optimizer and the like.
var wrappers = []string{"state_dict", "model_state_dict", "model", "net", "network", "model_state", "weights", "params", "module"}

// maxWrappers is how many dictionaries may be nested around a state dict.
const maxWrappers = 4

// remedy is what a file's owner can do.
const remedy = "save it again with torch.save(model.state_dict(), FILE)"

// stateDict finds the dictionary of tensors in a file.
func stateDict(value any) ([]entry, error) {
	at, lister := "", &dictionaries{left: maxDictEntries}
	for range maxWrappers {
		if object, ok := value.(*foreign); ok {
			return nil, wholeModule(object, at)
		}
		entries, ok := lister.list(value)
		if lister.left < 0 {
			break
		}
		if !ok {
			return nil, fmt.Errorf("%w: it holds a %T, not a dictionary of tensors: %s", ErrFormat, value, remedy)
		}
		inner, err := lister.wrapped(entries)
		if err != nil {
			return nil, err
		}
		if inner == "" {
			return entries, onlyTensors(entries)
		}
		at = inner
		value = entries[slices.IndexFunc(entries, func(e entry) bool { return e.name == inner })].value
	}
	return nil, fmt.Errorf("%w: dictionaries within dictionaries: %s", ErrFormat, remedy)
}

// onlyTensors reports an error unless there are tensors and nothing that could be one of an unknown
// kind.
func onlyTensors(entries []entry) error {
	for _, e := range entries {
		if object, ok := e.value.(*foreign); ok {
			return fmt.Errorf("%w: its entry %s is of %s, not a tensor of numbers: %s", ErrFormat, e.name, object.name, remedy)
		}
	}
	if tensors(entries) == 0 {
		return fmt.Errorf("%w: its dictionary has no tensors, only %s: %s", ErrFormat, names(entries), remedy)
	}
	return nil
}

// wholeModule says how to get the tensors out of an object that only its own program can read.
func wholeModule(object *foreign, at string) error {
	where := "it holds"
	if at != "" {
		where = "its entry " + at + " is"
	}
	if strings.HasPrefix(object.name, "__torch__.") {
		return fmt.Errorf("%w: %s a TorchScript program, not a dictionary of tensors: save it again with torch.save(torch.jit.load(FILE).state_dict(), NEW)", ErrFormat, where)
	}
	return fmt.Errorf("%w: %s an object of the class %s, not a dictionary of tensors: load it with its program, and %s", ErrFormat, where, object.name, remedy)
}

// wrapped is the key of the dictionary that has the tensors, or nothing if they are in this one. An
// entry beside tensors is used if its key is a known one.
func (d *dictionaries) wrapped(entries []entry) (string, error) {
	var known, unknown, objects []string
	for _, e := range entries {
		inner, isDictionary := d.list(e.value)
		_, isObject := e.value.(*foreign)
		switch isKnown := slices.Contains(wrappers, e.name); {
		case isDictionary && isKnown && d.holdsTensors(inner, maxWrappers):
			known = append(known, e.name)
		case isDictionary && tensors(inner) > 0:
			unknown = append(unknown, e.name)
		case isObject && isKnown:
			objects = append(objects, e.name)
		}
	}
	switch {
	case len(known) == 1:
		return known[0], nil
	case len(known) > 1:
		return "", ambiguous(known)
	case tensors(entries) > 0:
		return "", nil
	case len(unknown) == 1:
		return unknown[0], nil
	case len(unknown) > 1:
		return "", ambiguous(unknown)
	case len(objects) > 0:
		return objects[0], nil
	}
	return "", nil
}

func ambiguous(keys []string) error {
	slices.Sort(keys)
	return fmt.Errorf("%w: it holds several dictionaries of tensors (%s): save the one you want with torch.save(torch.load(FILE)[%q], NEW)", ErrFormat, strings.Join(keys, ", "), keys[0])
}

// tensors counts the tensors directly in a dictionary.
func tensors(entries []entry) int {
	n := 0
	for _, e := range entries {
		if _, ok := e.value.(*view); ok {
			n++
		}
	}
	return n
}

// holdsTensors reports whether there are any tensors, in it or in the dictionaries inside.
func (d *dictionaries) holdsTensors(entries []entry, depth int) bool {
	if tensors(entries) > 0 {
		return true
	}
	for _, e := range entries {
		inner, ok := d.list(e.value)
		if ok && depth > 0 && d.holdsTensors(inner, depth-1) {
			return true
		}
	}
	return false
}

// names lists the first few keys.
func names(entries []entry) string {
	if len(entries) == 0 {
		return "nothing"
	}
	var keys []string
	for _, e := range entries[:min(len(entries), 8)] {
		keys = append(keys, e.name)
	}
	return strings.Join(keys, ", ")
}

// maxDictEntries bounds the entries that are looked at: dictionaries may contain each other, or one many times.
const maxDictEntries = 4 << 20

// dictionaries lists the entries of dictionaries, as long as some are left.
type dictionaries struct{ left int }

// list lists a dictionary's entries; a later entry replaces an earlier one of the same name.
// A key that is not text is converted.
func (d *dictionaries) list(value any) ([]entry, bool) {
	switch dict := value.(type) {
	case *types.OrderedDict:
		d.left -= dict.Len()
	case *types.Dict:
		d.left -= dict.Len()
	}
	if d.left < 0 {
		return nil, false
	}
	var entries []entry
	at := map[string]int{}
	add := func(key, value any) {
		name, isText := key.(string)
		if !isText {
			name = brief(key)
		}
		if i, twice := at[name]; twice {
			entries[i].value = value
			return
		}
		at[name] = len(entries)
		entries = append(entries, entry{name, value})
	}
	switch dict := value.(type) {
	case *types.OrderedDict:
		for e := dict.List.Front(); e != nil; e = e.Next() {
			item := e.Value.(*types.OrderedDictEntry)
			add(item.Key, item.Value)
		}
	case *types.Dict:
		for _, item := range *dict {
			add(item.Key, item.Value)
		}
	default:
		return nil, false
	}
	return entries, true
}
