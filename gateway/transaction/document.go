package transaction

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"
	"unique"

	"sidegate.example/sidegate/flows"
)

// documentVersion is that of document; another one is not read.
const documentVersion = 1

// graceForCounting is how long a document outlives its transaction, for who counts how it ended.
const graceForCounting = 30 * time.Second

// document is a transaction as replicas hand it to each other.
type document struct {
	Version  int
	Revision uint64 // of this document

	Site, Engine     string
	Back             string
	Origin           netip.Addr
	Started, Expires time.Time

	Client   flows.ClientContext
	State    flows.State
	Step     flows.Step
	Seq      uint64
	Asked    time.Time
	ForgetAt time.Time

	Proved, Ended bool
	Redeemed      bool
	Minted        string

	NextPoll time.Time
	Failures int
	Trouble  flows.Reason
	Cause    string
}

// document is t as it is; the lock is held.
func (t *txn) document(revision uint64) *document {
	d := &document{
		Version: documentVersion, Revision: revision,
		Site: t.site.Value(), Engine: t.engine, Back: t.back, Origin: netip.Addr(t.origin), Started: t.started, Expires: t.expires,
		Client: t.client, State: t.state, Step: t.step, Seq: t.seq, Asked: t.asked, ForgetAt: t.forgetAt,
		Proved: t.proved, Ended: t.ended, Redeemed: t.redeemed, Minted: t.minted,
		NextPoll: t.nextPoll, Failures: t.failures, Trouble: t.trouble,
	}
	if t.cause != nil {
		d.Cause = t.cause.Error()
	}
	return d
}

// ahead is the document of a t that has come to step, in the middle of a call.
func (t *txn) ahead(revision uint64, c flows.ClientContext, state flows.State, step flows.Step) *document {
	d, now := t.document(revision), time.Now()
	d.Client, d.State, d.Step, d.Seq, d.Asked, d.ForgetAt = c, state, step, t.seq+1, now, t.expires
	d.NextPoll, d.Failures, d.Trouble, d.Cause = now, 0, "", ""
	return d
}

func (d *document) encode() ([]byte, error) {
	b, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("writing a sign-in: %w", err)
	}
	return b, nil
}

func decode(b []byte) (*document, error) {
	var d document
	if err := json.Unmarshal(b, &d); err != nil {
		return nil, errors.New("a sign-in of the store cannot be read") // the cause could quote it
	}
	if d.Version != documentVersion {
		return nil, fmt.Errorf("a sign-in of the store has version %d, this build reads version %d", d.Version, documentVersion)
	}
	return &d, nil
}

// transaction makes the copy of a transaction that began elsewhere.
func (d *document) transaction(id string) *txn {
	return &txn{id: id, site: unique.Make(d.Site), engine: d.Engine, back: d.Back, origin: origin(d.Origin), started: d.Started, expires: d.Expires}
}

// restore makes t what d says; the lock is held. It tells those who watch if a person sees something new.
func (t *txn) restore(d *document, o Observer) {
	news := t.seq != d.Seq || t.trouble != d.Trouble
	t.client, t.state, t.step, t.seq, t.asked, t.forgetAt = d.Client, d.State, d.Step, d.Seq, d.Asked, d.ForgetAt
	t.proved, t.ended, t.redeemed, t.minted = d.Proved, d.Ended, d.Redeemed, d.Minted
	t.nextPoll, t.failures, t.trouble, t.cause = d.NextPoll, d.Failures, d.Trouble, nil
	if d.Cause != "" {
		t.cause = errors.New(d.Cause)
	}
	if t.ended {
		t.left(o)
	}
	if news {
		t.publish()
	}
}
