package dbtest

import (
	"os"
	"syscall"
)

// memoryNeeded is what has to be free of the memory disk: a server takes 100 MB.
const memoryNeeded = 2 << 30

// memoryDir returns the directory of a disk in memory, or "".
func memoryDir() string {
	const dir = "/dev/shm"
	var disk syscall.Statfs_t
	if os.Getenv("TMPDIR") != "" || syscall.Statfs(dir, &disk) != nil || disk.Bavail*uint64(disk.Bsize) < memoryNeeded {
		return ""
	}
	return dir
}
