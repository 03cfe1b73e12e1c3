package look

import (
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"reflect"
	"text/template/parse"

	"fovea/internal/spelling"
)

// Template is a page whose actions write texts as spelling.Line shows them: no name on a page is another one than it looks,
// whoever writes the page. What a script saves is written by the function real, as it is. The functions style and policy
// are CSS and Policy without scripts; own are the page's, which come first.
func Template(name, source string, own template.FuncMap) (*template.Template, error) {
	functions := template.FuncMap{
		"style":  func() template.CSS { return CSS },
		"policy": func() string { return Policy() },
		"real":   asReal,
		"shown":  shown,
	}
	maps.Copy(functions, own)
	t, err := template.New(name).Funcs(functions).Parse(source)
	if err != nil {
		return nil, fmt.Errorf("look: read the template %s: %w", name, err)
	}
	for _, each := range t.Templates() {
		showTexts(each.Tree.Root)
	}
	return t, nil
}

// showTexts ends every action that writes something by the function shown, as html/template ends them by its escapers.
func showTexts(nodes *parse.ListNode) {
	if nodes == nil {
		return
	}
	for _, node := range nodes.Nodes {
		switch n := node.(type) {
		case *parse.ActionNode:
			if len(n.Pipe.Decl) == 0 {
				function := parse.NewIdentifier("shown").SetPos(n.Pos)
				n.Pipe.Cmds = append(n.Pipe.Cmds, &parse.CommandNode{NodeType: parse.NodeCommand, Pos: n.Pos, Args: []parse.Node{function}})
			}
		case *parse.IfNode:
			showTexts(n.List)
			showTexts(n.ElseList)
		case *parse.RangeNode:
			showTexts(n.List)
			showTexts(n.ElseList)
		case *parse.WithNode:
			showTexts(n.List)
			showTexts(n.ElseList)
		}
	}
}

// real is a text that is written as it is, as JSON: a page that is read has no carriage returns.
type real string

func asReal(text string) (real, error) {
	encoded, err := json.Marshal(text)
	return real(encoded), err
}

// shown is a value as a page shows it: only texts change, and not those that are code.
func shown(value any) any {
	switch v := value.(type) {
	case template.HTML, template.CSS, template.URL, template.JS:
		return value
	case real:
		return string(v)
	case fmt.Stringer:
		return spelling.Line(v.String())
	}
	if v := reflect.ValueOf(value); v.Kind() == reflect.String {
		return spelling.Line(v.String())
	}
	return value
}
