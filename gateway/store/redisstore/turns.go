package redisstore

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"sidegate.example/sidegate/gateway/store"
)

// turns keeps who has the turn beside the document, in a key that goes by itself.
type turns struct{ *Redis }

// turnOf is the key of who has the turn at a document.
func turnOf(name string) string { return name + ":turn" }

// acquiring takes the turn and returns the document and its revision. KEYS: document, turn. ARGV: token, milliseconds to
// hold, 'new' where the document is yet to be. A turn that is this token's already is one whose answer was lost.
var acquiring = redis.NewScript(`
local doc = redis.call('HMGET', KEYS[1], 'd', 'r')
if not doc[1] and ARGV[3] ~= 'new' then return {'gone'} end
if redis.call('GET', KEYS[2]) ~= ARGV[1] and not redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return {'held'} end
if ARGV[3] == 'new' then return {'yours', '', '0'} end
return {'yours', doc[1], doc[2]}
`)

// committing puts a document in place that nobody else has changed since the turn began. KEYS: document, turn. ARGV: token,
// revision then, document, milliseconds to live, revision now, 'save' where the turn goes on, channel, notice (” for none).
var committing = redis.NewScript(`
local now = redis.call('HMGET', KEYS[1], 'r', 'b')
if now[2] == ARGV[1] then return 'done' end
local answer, saved = 'done', 'saved ' .. ARGV[1]
if (now[1] or '0') == ARGV[2] or now[2] == saved then
	redis.call('HSET', KEYS[1], 'd', ARGV[3], 'r', ARGV[5], 'b', ARGV[6] == 'save' and saved or ARGV[1])
	redis.call('PEXPIRE', KEYS[1], ARGV[4])
	if ARGV[8] ~= '' then redis.call('PUBLISH', ARGV[7], ARGV[8]) end
elseif now[1] then
	answer = 'lost'
else
	answer = 'gone'
end
if ARGV[6] ~= 'save' and redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
return answer
`)

// releasing ends a turn. KEYS: turn. ARGV: token.
var releasing = redis.NewScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
`)

// Begin implements store.Turns.
func (t turns) Begin(ctx context.Context, kind store.Kind, id string, hold time.Duration) (store.Turn, error) {
	return t.acquire(ctx, kind, id, hold, "new")
}

// Acquire implements store.Turns.
func (t turns) Acquire(ctx context.Context, kind store.Kind, id string, hold time.Duration) (store.Turn, error) {
	return t.acquire(ctx, kind, id, hold, "")
}

func (t turns) acquire(ctx context.Context, kind store.Kind, id string, hold time.Duration, how string) (store.Turn, error) {
	name, err := t.key(ctx, string(kind), id)
	if err != nil {
		return store.Turn{}, err
	}
	turn := store.Turn{Kind: kind, ID: id, Token: rand.Text()}
	answer, err := acquiring.Run(ctx, t.client, []string{name, turnOf(name)}, turn.Token, milliseconds(hold), how).StringSlice()
	switch {
	case err != nil:
		t.lost(turnOf(name), turn.Token, hold, err)
		return store.Turn{}, t.failed(opTurn, err)
	case len(answer) == 1 && answer[0] == "gone":
		return store.Turn{}, store.ErrNotFound
	case len(answer) == 1 && answer[0] == "held":
		return store.Turn{}, store.ErrHeld
	case len(answer) != 3:
		return store.Turn{}, t.failed(opTurn, fmt.Errorf("%d answers", len(answer)))
	}
	if turn.Revision, err = strconv.ParseUint(answer[2], 10, 64); err != nil {
		return store.Turn{}, t.failed(opTurn, errors.New("the revision is no number"))
	}
	if turn.Revision > 0 {
		turn.Doc, err = t.openUntil(ctx, name, []byte(answer[1]))
	}
	if err != nil {
		return store.Turn{}, errors.Join(err, t.Release(ctx, turn))
	}
	return turn, nil
}

// Commit implements store.Turns.
func (t turns) Commit(ctx context.Context, turn store.Turn, doc []byte, ttl time.Duration, tell bool) error {
	var notice []byte
	if tell {
		var err error
		if notice, err = t.notice(ctx, turn.Kind, store.Change{ID: turn.ID, Revision: turn.Committed()}); err != nil {
			return err
		}
	}
	return t.commit(ctx, turn, doc, ttl, turn.Committed(), "", notice)
}

// Save implements store.Turns.
func (t turns) Save(ctx context.Context, turn store.Turn, doc []byte, ttl time.Duration) error {
	return t.commit(ctx, turn, doc, ttl, turn.Saved(), "save", nil)
}

func (t turns) commit(ctx context.Context, turn store.Turn, doc []byte, ttl time.Duration, revision uint64, how string, notice []byte) error {
	name, err := t.key(ctx, string(turn.Kind), turn.ID)
	if err != nil {
		return err
	}
	sealed, err := t.sealUntil(ctx, name, ttl, doc)
	if err != nil {
		return err
	}
	answer, err := committing.Run(ctx, t.client, []string{name, turnOf(name)},
		turn.Token, turn.Revision, sealed, milliseconds(ttl), revision, how, t.channel(turn.Kind), notice).Text()
	switch {
	case err != nil:
		return t.failed(opTurn, err)
	case answer == "lost":
		return store.ErrLost
	case answer == "gone":
		return store.ErrNotFound
	}
	return nil
}

// Release implements store.Turns.
func (t turns) Release(ctx context.Context, turn store.Turn) error {
	name, err := t.key(ctx, string(turn.Kind), turn.ID)
	if err != nil {
		return err
	}
	if err := releasing.Run(ctx, t.client, []string{turnOf(name)}, turn.Token).Err(); err != nil {
		t.lost(turnOf(name), turn.Token, longHold, err)
		return t.failed(opTurn, err)
	}
	return nil
}

// Changes implements store.Turns.
func (t turns) Changes(ctx context.Context, kind store.Kind, changed func(store.Change)) {
	channel := t.channel(kind)
	t.subscribe(ctx, channel, func(context.Context) error { changed(store.Change{}); return nil }, func(notice []byte) {
		text, err := t.open(ctx, channel, notice)
		if err != nil || len(text) < 8 {
			changed(store.Change{}) // who wrote that is unknown, and so is what has changed
			return
		}
		changed(store.Change{ID: string(text[8:]), Revision: binary.BigEndian.Uint64(text)})
	})
}

// notice is what tells of a change: the revision in 8 bytes, and the id.
func (r *Redis) notice(ctx context.Context, kind store.Kind, c store.Change) ([]byte, error) {
	return r.seal(ctx, r.channel(kind), append(binary.BigEndian.AppendUint64(nil, c.Revision), c.ID...))
}
