package cli

import (
	"github.com/spf13/cobra"

	"github.com/org/gocache-action/internal/config"
)

const doctorLong = `Doctor MODULE says why the project gets the version of a module that it gets, or
why a version that was published is not seen.` + "\n\n" + doctorModuleLong

// doctorCommand describes the command line.
func doctorCommand(c commands) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "doctor MODULE[@QUERY]",
		Short:   "Say why a module is as it is",
		Long:    doctorLong,
		Example: "  gocache doctor golang.org/x/mod",
		Args:    cobra.ExactArgs(1),
	}
	return c.add(cmd, config.Doctor, doctorModule)
}
