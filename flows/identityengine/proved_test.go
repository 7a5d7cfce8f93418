package identityengine

import (
	"testing"
	"time"

	"sidegate.example/sidegate/gateway/identity"
)

// Who signs in again in the second in which all their sessions ended has proved it afterwards, and is in.
func TestProofsAreDatedToTheMillisecond_S45(t *testing.T) {
	at := time.Date(2026, time.November, 26, 8, 0, 0, 789_654_321, time.UTC)
	s := new(state)
	s.prove(identity.TOTP, at)
	if got := s.identity().Proofs[0].At; !got.Equal(at.Truncate(time.Millisecond)) {
		t.Errorf("the proof is of %s", got)
	}
}
