package main

import (
	"os"

	"fovea/app/cli"
)

func main() { os.Exit(cli.Run(newCommand(), os.Args[1:])) }
