package caddymodule

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"sidegate.example/sidegate/flows/identityengine"
)

// checkEnroll checks the arguments of enroll_requires.
func checkEnroll(requires []string) error {
	for _, r := range requires {
		switch r {
		case enrollFactor, enrollEmail, enrollAdmin:
		case enrollOktaPolicy, enrollNever:
			if len(requires) > 1 {
				return fmt.Errorf("enroll_requires %s stands alone; leave the others out", r)
			}
		default:
			if _, err := netip.ParsePrefix(r); err != nil {
				return fmt.Errorf("enroll_requires %q is neither factor, email_code, admin_code, okta_policy, never nor a network such as 10.0.0.0/8", r)
			}
		}
	}
	return nil
}

// checkEnrollEngine refuses the proofs that the engine of s does not know, which would be no proof.
func (s Settings) checkEnrollEngine() error {
	for _, r := range s.EnrollRequires {
		switch {
		case s.Engine == engineFactors && (r == enrollOktaPolicy || r == enrollNever):
			return fmt.Errorf("enroll_requires %s is for engine identity_engine; engine factors sets up what enroll names and nothing else", r)
		case s.Engine != engineFactors && r == enrollEmail:
			return errors.New("enroll_requires email_code is for engine factors; factor holds a mailed code already")
		case s.Engine != engineFactors && r == enrollAdmin:
			return errors.New("enroll_requires admin_code is for engine factors; at the Identity Engine, give the person a temporary access code or another factor at Okta")
		}
	}
	return nil
}

// enrollProof is what enroll_requires means; checkEnroll has seen it.
func enrollProof(requires []string) identityengine.EnrollProof {
	var p identityengine.EnrollProof
	for _, r := range requires {
		switch r {
		case enrollOktaPolicy:
			p.OktaPolicy = true
		case enrollNever:
			p.Never = true
		default:
			if network, err := netip.ParsePrefix(r); err == nil {
				p.Networks = append(p.Networks, network)
			}
		}
	}
	return p
}

// checkSelfService checks the arguments of self_service. "off" is for a site whose global options switch some on.
func checkSelfService(services []string) error {
	for _, s := range services {
		if !slices.Contains(selfServices, s) {
			return fmt.Errorf("self_service %q is unknown; allowed: %s", s, strings.Join(selfServices, ", "))
		}
	}
	if len(services) > 1 && slices.Contains(services, off) {
		return errors.New("self_service off stands alone; leave the others out")
	}
	return nil
}

func selfService(services []string) identityengine.SelfService {
	return identityengine.SelfService{
		Recover:  slices.Contains(services, selfRecover),
		Unlock:   slices.Contains(services, selfUnlock),
		Activate: slices.Contains(services, selfActivate),
	}
}
