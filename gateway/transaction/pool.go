package transaction

import "sync"

// pool runs jobs on at most limit goroutines, which live only while there are jobs: nothing waits in a
// goroutine for its turn.
type pool struct {
	limit int
	wg    sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	running int
	queue   []func()
}

func newPool(limit int) *pool { return &pool{limit: limit} }

// submit queues job without waiting for it. After close it does nothing.
func (p *pool) submit(job func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.queue = append(p.queue, job)
	if p.running < p.limit {
		p.running++
		p.wg.Go(p.work)
	}
}

func (p *pool) work() {
	for {
		job := p.next()
		if job == nil {
			return
		}
		job()
	}
}

// next takes the oldest job; nil ends the worker that asked.
func (p *pool) next() func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 {
		p.queue = nil // hands back what a rush had grown
		p.running--
		return nil
	}
	job := p.queue[0]
	p.queue[0] = nil
	p.queue = p.queue[1:]
	return job
}

// close drops what is queued and waits for what runs.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.queue = nil
	p.mu.Unlock()
	p.wg.Wait()
}
