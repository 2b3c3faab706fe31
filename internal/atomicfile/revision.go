package atomicfile

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
)

// absent is the revision of a file that does not exist.
const absent = "absent"

// process is this process's own key for content digests; it is never written
// anywhere, so that a digest in a journal says nothing even of a guessable value.
var process = func() (key [32]byte) {
	_, _ = rand.Read(key[:])
	return key
}()

func processName() string {
	sum := sha256.Sum256(append([]byte("name"), process[:]...))
	return hex.EncodeToString(sum[:4])
}

// revision names a file's state: which inode, when and how long, and a digest of
// the text under this process's own key. The digest is there because a file can
// be replaced twice within one tick of the kernel's clock, by a file of the same
// length in the same recycled inode.
func revision(info fs.FileInfo, content []byte) string {
	var inode, changed int64
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		inode, changed = int64(st.Ino), changeTime(st)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %d %d %d", inode, info.ModTime().UnixNano(), changed, info.Size()))
	mac := hmac.New(sha256.New, process[:])
	mac.Write(content)
	return hex.EncodeToString(sum[:12]) + "." + processName() + "." + hex.EncodeToString(mac.Sum(nil)[:12])
}

// Same says whether two revisions name the same state of a file. Revisions of
// two processes are compared by inode, times and size alone.
func Same(a, b string) bool {
	if a == b {
		return true
	}
	pa, pb := strings.Split(a, "."), strings.Split(b, ".")
	return len(pa) == 3 && len(pb) == 3 && pa[0] == pb[0] && pa[1] != pb[1]
}
