package memory

// Snapshot is a journal's content at one moment, as a backup would hold it.
type Snapshot struct{ state state }

// Snapshot copies the content; it may be restored any number of times.
func (j *Journal) Snapshot() Snapshot {
	j.mu.Lock()
	defer j.mu.Unlock()
	return Snapshot{j.state.clone()}
}

// leap is added to every fence in a new epoch, so that a worker who still holds
// a fence from after the snapshot never meets it again.
const leap = 1_000_000

// Restore puts an older content back. newEpoch is what an orderly restore does:
// the epoch rises above every one that was ever seen here. Without it the
// journal is simply older than the world, which is the fault to be found out.
func (j *Journal) Restore(s Snapshot, newEpoch bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	seen := j.state.installation.Epoch
	j.state = s.state.clone()
	if newEpoch {
		j.state.installation.Epoch = max(seen, j.state.installation.Epoch) + 1
		for _, c := range j.state.credentials {
			c.Fence += leap
		}
	}
	j.wake()
}
