package machine

import "golang.org/x/sys/unix"

// free returns how much room there is where a path is, in MiB, and for how many
// files; -1 for what the file system does not say.
func free(path string) (mb, files int64) {
	var st unix.Statfs_t
	if unix.Statfs(path, &st) != nil {
		return -1, -1
	}
	mb, files = int64(st.Bavail)*st.Bsize>>20, int64(st.Ffree)
	if st.Files == 0 { // it makes them as they are needed
		files = -1
	}
	return mb, files
}
