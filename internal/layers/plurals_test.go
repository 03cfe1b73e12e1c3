package layers

import (
	"go/ast"
	"go/token"
	"regexp"
	"strings"
	"testing"
)

// A log that counts things says "1 image", not "1 images": text.Plural and text.Count write numbers with what they are of.
// After "of" the number is that of all, and seldom 1.
func TestLogsCount(t *testing.T) {
	counted := regexp.MustCompile(`%d (?:[a-z]+ )?(?:batches|classes|copies|epochs|files|groups|images|labels|members|patients|rows|shards|values)\b`)
	ofAll := regexp.MustCompile(`\bof (?:the |these )?$`)
	found := 0
	for name, file := range parseAll(t, root) {
		ast.Inspect(file.File, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			function, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !strings.HasSuffix(function.Sel.Name, "f") {
				return true
			}
			if from, ok := function.X.(*ast.Ident); !ok || from.Name != "logrus" {
				return true
			}
			found++
			format, ok := call.Args[0].(*ast.BasicLit)
			if !ok || format.Kind != token.STRING {
				return true
			}
			for _, at := range counted.FindAllStringIndex(format.Value, -1) {
				if !ofAll.MatchString(format.Value[:at[0]]) {
					t.Errorf("%s:%d: %q is wrong for 1: use text.Plural or text.Count", name, file.lines(call.Pos()), format.Value[at[0]:at[1]])
				}
			}
			return true
		})
	}
	if found < 100 {
		t.Errorf("only %d calls were looked at", found)
	}
}
