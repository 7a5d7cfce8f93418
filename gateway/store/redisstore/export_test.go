package redisstore

import "time"

// RejoinEvery sets rejoinEvery, and returns what sets it back.
func RejoinEvery(d time.Duration) (restore func()) {
	before := rejoinEvery
	rejoinEvery = d
	return func() { rejoinEvery = before }
}
