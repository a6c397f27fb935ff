package watcher

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// fileSystems are those that are met, by the number that statfs(2) gives.
var fileSystems = map[uint32]fileSystem{
	0xef53:     {"ext4", ""},
	0x58465342: {"XFS", ""},
	0x9123683e: {"Btrfs", ""},
	0xf2f52010: {"F2FS", ""},
	0x2fc12fc1: {"ZFS", ""},
	0xca451a4e: {"bcachefs", ""},
	0x01021994: {"tmpfs", ""},
	0x858458f6: {"ramfs", ""},
	0x4d44:     {"FAT", ""},
	0x2011bab0: {"exFAT", ""},
	0x7366746e: {"NTFS", ""},
	0xf15f:     {"eCryptfs", ""},

	0x6969:     {"NFS", elsewhere},
	0x517b:     {"SMB", elsewhere},
	0xff534d42: {"SMB", elsewhere},
	0xfe534d42: {"SMB", elsewhere},
	0x01021997: {"9p", elsewhere},
	0x65735546: {"FUSE", elsewhere}, // virtiofs as well
	0x786f4256: {"vboxsf", elsewhere},
	0xbacbacbc: {"vmhgfs", elsewhere},
	0x7c7c6673: {"Parallels", elsewhere},
	0x53464846: {"WSL", elsewhere},
	0x00c36400: {"Ceph", elsewhere},
	0x5346414f: {"AFS", elsewhere},
	0x6b414653: {"AFS", elsewhere},
	0x73757245: {"Coda", elsewhere},
	0x01161970: {"GFS2", elsewhere},
	0x7461636f: {"OCFS2", elsewhere},
	0x0bd00bd0: {"Lustre", elsewhere},
	0x47504653: {"GPFS", elsewhere},
	0x19830326: {"BeeGFS", elsewhere},
	0x61756673: {"aufs", elsewhere},
}

const overlayMagic = 0x794c7630

// fileSystemOf looks what a path is on.
func fileSystemOf(path string) fileSystem {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return fileSystem{name: "this file system"}
	}
	magic := uint32(st.Type)
	if magic == overlayMagic {
		return overlayAt(path)
	}
	if fs, known := fileSystems[magic]; known {
		return fs
	}
	return fileSystem{name: fmt.Sprintf("file system %#x", magic)}
}

// overlayAt tells an overlay whose layers are out of reach, such as a
// container's, from one whose lower layer somebody here may write to: that
// shows above without an event.
func overlayAt(path string) fileSystem {
	fs := fileSystem{name: "overlay"}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return fs
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return fs
	}
	for _, layer := range lowerLayers(string(mounts), path) {
		if info, err := os.Stat(layer); err == nil && info.IsDir() {
			fs.silent = fmt.Sprintf("gives no events of changes in its layer %s", layer)
			return fs
		}
	}
	return fs
}

// lowerLayers reads from the text of mountinfo(5) the lower layers of the
// overlay that path is on.
func lowerLayers(mounts, path string) []string {
	var at, options string
	for line := range strings.Lines(mounts) {
		// ID parent dev root mount-point options... - type source super-options
		head, tail, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " - ")
		h, t := strings.Fields(head), strings.Fields(tail)
		if !ok || len(h) < 5 || len(t) < 3 || t[0] != "overlay" {
			continue
		}
		// The last of those mounted at the same place is the one that shows.
		if point := unescape(h[4]); len(point) >= len(at) && below(path, point) {
			at, options = point, t[2]
		}
	}
	var layers []string
	for option := range strings.SplitSeq(options, ",") {
		if list, ok := strings.CutPrefix(option, "lowerdir="); ok {
			layers = append(layers, strings.Split(unescape(list), ":")...)
		} else if layer, ok := strings.CutPrefix(option, "lowerdir+="); ok {
			layers = append(layers, unescape(layer))
		}
	}
	return layers
}

// unescape undoes what the kernel does to blanks in mountinfo: "\040".
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
