package crashtest

import (
	"fmt"
	"strings"
)

// playPath plays what is done to a path.
func (p *player) playPath(c call) error {
	from, path, rest := atCwd, 0, 1 // the places of the arguments
	switch c.name {
	case "openat", "openat2", "mkdirat", "unlinkat", "renameat", "renameat2", "linkat", "mknodat":
		from, path, rest = c.arg(0), 1, 2
	}
	l, err := p.find(from, c.arg(path))
	if err != nil {
		return err
	}
	switch c.name {
	case "rename", "link":
		return p.playSecond(c, l, atCwd, rest)
	case "renameat", "renameat2", "linkat":
		return p.playSecond(c, l, c.arg(rest), rest+1)
	}
	if l.dir == nil {
		return nil
	}
	switch c.name {
	case "open", "openat":
		return p.playOpen(c, l, rest)
	case "mkdir", "mkdirat":
		p.note(op{kind: opNames, text: "mkdir " + l.path, entries: []entry{p.set(l.dir, l.name, p.newNode(true))}})
	case "unlink", "unlinkat", "rmdir":
		if l.node() == nil {
			return fmt.Errorf("%s was removed, but never made", l.path)
		}
		p.note(op{kind: opNames, text: "remove " + l.path, entries: []entry{p.set(l.dir, l.name, nil)}})
	case "truncate":
		p.cut(l.node(), l.path, int64(c.number(1)))
	default:
		return fmt.Errorf("%s of %s is not modelled", c.name, l.path)
	}
	return nil
}

// playSecond plays what is done to the path l and a second one, which is an argument.
func (p *player) playSecond(c call, l place, from string, path int) error {
	to, err := p.find(from, c.arg(path))
	if err != nil || l.dir == nil && to.dir == nil {
		return err
	}
	if l.node() == nil || to.dir == nil {
		return fmt.Errorf("%s(%s): a path is outside of the directory or was never made", c.name, strings.Join(c.arguments, ", "))
	}
	return p.playPair(c, l, to, path+1)
}

func (p *player) playOpen(c call, l place, flags int) error {
	n := l.node()
	switch {
	case c.has(flags, "O_TMPFILE"):
		return fmt.Errorf("a file without a name in %s is not modelled", l.path)
	case n == nil && !c.has(flags, "O_CREAT"):
		return fmt.Errorf("%s was opened, but never made", l.path)
	case n == nil:
		n = p.newNode(false)
		p.note(op{kind: opNames, text: "create " + l.path, entries: []entry{p.set(l.dir, l.name, n)}})
	case c.has(flags, "O_TRUNC") && n.size > 0:
		p.cut(n, l.path, 0)
	}
	p.open[c.result] = &descriptor{node: n, path: l.path, append: c.has(flags, "O_APPEND")}
	return nil
}

// playPair plays what gives a second name, or another one.
func (p *player) playPair(c call, l, to place, flags int) error {
	n, other := l.node(), to.node()
	o := op{kind: opNames, text: fmt.Sprintf("%s %s to %s", c.name, l.path, to.path)}
	switch {
	case c.name == "link" || c.name == "linkat":
		o.entries = []entry{p.set(to.dir, to.name, n)}
	case c.has(flags, "RENAME_EXCHANGE"):
		o.text = fmt.Sprintf("exchange %s with %s", l.path, to.path)
		o.entries = []entry{p.set(to.dir, to.name, n), p.set(l.dir, l.name, other)}
		o.joint = true
	case n == other:
		return nil // two names of one file: nothing happens
	default:
		o.entries = []entry{p.set(to.dir, to.name, n), p.set(l.dir, l.name, nil)}
	}
	p.note(o)
	return nil
}
