package weights

import (
	"fmt"
	"strings"

	"github.com/nlpodyssey/gopickle/types"
)

const (
	// briefBytes and briefDepth bound what is written of a pickled value: it may contain itself, or one thing
	// many times.
	briefBytes = 120
	briefDepth = 3
)

// brief writes a pickled value, or its beginning.
func brief(value any) string {
	var b strings.Builder
	writeBrief(&b, value, briefDepth)
	text := b.String()
	if len(text) > briefBytes {
		text = strings.ToValidUTF8(text[:briefBytes], "") + "..."
	}
	return text
}

func writeBrief(b *strings.Builder, value any, depth int) {
	list := func(open string, values []any, end string) {
		b.WriteString(open)
		for i, v := range values {
			if i > 0 {
				b.WriteString(", ")
			}
			if b.Len() > briefBytes || depth == 0 {
				b.WriteString("...")
				break
			}
			writeBrief(b, v, depth-1)
		}
		b.WriteString(end)
	}
	switch v := value.(type) {
	case nil:
		b.WriteString("None")
	case string:
		b.WriteString(v[:min(len(v), briefBytes)])
	case []byte:
		fmt.Fprintf(b, "%q", v[:min(len(v), briefBytes)])
	case bool, int, float64:
		fmt.Fprint(b, v)
	case *types.Tuple:
		list("(", *v, ")")
	case *types.List:
		list("[", *v, "]")
	default:
		fmt.Fprintf(b, "a %T", v)
	}
}
