// Command alternate measures two commands beside each other on a machine that is not steady:
// they run in turns of a second, the other one stopped, so that whatever slows the machine
// down slows both. It prints the seconds that each was given, a line each; what the commands
// print goes to standard error.
//
//	alternate [-ready N] [-accept STATUS] COMMAND [ARGUMENT ...] -- COMMAND [ARGUMENT ...]
//
// With -ready 1 the start of the first command is not counted, with -ready 2 that of both: they
// create the file that READY_FILE names when they have started. With -accept N a command may
// also end with the status N.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

const (
	turn = time.Second
	poll = time.Millisecond
)

func main() {
	ready := flag.Int("ready", 0, "do not count the start of the first `N` commands, up to when they create $READY_FILE")
	accept := flag.Int("accept", 0, "a `STATUS` other than 0 that a command may end with")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, flag.Args(), *ready, *accept); err != nil {
		fmt.Fprintln(os.Stderr, "alternate:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, ready, accept int) error {
	split := slices.Index(args, "--")
	if split < 1 || split == len(args)-1 {
		return errors.New("usage: alternate [-ready N] [-accept STATUS] COMMAND [ARGUMENT ...] -- COMMAND [ARGUMENT ...]")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // kills a command that another's error leaves behind
	first, err := start(ctx, args[:split], ready > 0, accept)
	if err != nil {
		return err
	}
	second, err := start(ctx, args[split+1:], ready > 1, accept)
	if err != nil {
		return err
	}
	for !first.over || !second.over {
		for _, p := range []*program{first, second} {
			if err := p.run(turn, ""); err != nil {
				return err
			}
		}
	}
	fmt.Printf("%.3f\n%.3f\n", first.given.Seconds(), second.given.Seconds())
	return nil
}

// program is a command that is stopped, except while it has its turn.
type program struct {
	cmd    *exec.Cmd
	accept int // a status that is as good as 0
	ended  chan error
	over   bool
	given  time.Duration
}

func start(ctx context.Context, command []string, ready bool, accept int) (*program, error) {
	dir, err := os.MkdirTemp("", "alternate")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) // a temporary directory
	file := filepath.Join(dir, "ready")
	p := &program{cmd: exec.CommandContext(ctx, command[0], command[1:]...), accept: accept, ended: make(chan error, 1)}
	p.cmd.Stdout, p.cmd.Stderr = os.Stderr, os.Stderr
	if ready {
		p.cmd.Env = append(os.Environ(), "READY_FILE="+file)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { p.ended <- p.cmd.Wait() }()
	if ready {
		if err := p.run(time.Hour, file); err != nil {
			return nil, err
		}
		if p.over {
			return nil, fmt.Errorf("%s has ended and never said that it was ready", p.cmd.Path)
		}
		p.given = 0
	}
	return p, p.signal(syscall.SIGSTOP)
}

// run lets the command run for a while, or until the file is there, or to its end.
func (p *program) run(limit time.Duration, file string) error {
	if p.over {
		return nil
	}
	begin := time.Now()
	defer func() { p.given += time.Since(begin) }()
	if err := p.signal(syscall.SIGCONT); err != nil {
		return err
	}
	for time.Since(begin) < limit {
		select {
		case err := <-p.ended:
			p.over = true
			if err != nil && (p.accept == 0 || p.cmd.ProcessState.ExitCode() != p.accept) {
				return fmt.Errorf("%s: %w", p.cmd.Path, err)
			}
			return nil
		case <-time.After(poll):
		}
		if _, err := os.Stat(file); err == nil {
			break
		}
	}
	return p.signal(syscall.SIGSTOP)
}

func (p *program) signal(s syscall.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("%v to %s: %w", s, p.cmd.Path, err)
	}
	return nil
}
