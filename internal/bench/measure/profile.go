package measure

import (
	"fmt"
	"os"
	"runtime/pprof"
)

// Profiled runs f and writes a CPU profile of it to a file.
func Profiled(name string, f func() error) error {
	out, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("making the profile: %w", err)
	}
	defer out.Close()
	if err := pprof.StartCPUProfile(out); err != nil {
		return fmt.Errorf("starting the profile: %w", err)
	}
	defer pprof.StopCPUProfile()
	return f()
}

// heapProfile writes what lives on the heap to the file that the variable names, if it is set.
func heapProfile(variable string) error {
	name := os.Getenv(variable)
	if name == "" {
		return nil
	}
	out, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("making the heap profile: %w", err)
	}
	defer out.Close()
	return pprof.Lookup("heap").WriteTo(out, 0)
}
