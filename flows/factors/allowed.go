package factors

import (
	"slices"

	"sidegate.example/sidegate/gateway/identity"
)

// Verifiable are the factors that Config.Factors can name.
func Verifiable() []identity.Factor { return slices.Clone(verifiable) }

// Enrollable are the factors that Config.Enroll can name.
func Enrollable() []identity.Factor { return slices.Clone(enrollable) }
