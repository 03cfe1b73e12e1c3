package pipeline

import (
	"io/fs"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// timeliness says how far a file's change time (ctime) can be trusted.
type timeliness int

const (
	// vague: it is made up, or can be set, so that other content may have the same time. This
	// applies to FAT, images of read-only file systems, and most FUSE mounts.
	vague timeliness = iota
	// ours: this machine's kernel sets it by this machine's clock.
	ours
	// theirs: another machine sets it by its own clock, which must not be compared with ours.
	theirs
)

// kinds are the file systems that update the change time on every change. All others are vague.
var kinds = map[int64]timeliness{
	unix.EXT4_SUPER_MAGIC: ours, unix.XFS_SUPER_MAGIC: ours, unix.BTRFS_SUPER_MAGIC: ours,
	unix.TMPFS_MAGIC: ours, unix.RAMFS_MAGIC: ours, unix.OVERLAYFS_SUPER_MAGIC: ours, unix.F2FS_SUPER_MAGIC: ours,
	0x2fc12fc1: ours, 0xca451a4e: ours, 0x3153464a: ours, // ZFS, bcachefs, JFS

	unix.NFS_SUPER_MAGIC: theirs, unix.CIFS_SUPER_MAGIC: theirs, unix.SMB2_SUPER_MAGIC: theirs,
	unix.CEPH_SUPER_MAGIC: theirs, 0x0bd00bd0: theirs, // Lustre
}

// settling is the time after a change from which any further change is sure to get another time:
// the coarsest clocks of file systems tick every two seconds. It is a variable only for tests.
var settling = 2 * time.Second

// fileSystem is a file system in which files were found.
type fileSystem struct {
	id   uint64 // its own, or else its device's
	kind timeliness
	// latest is the latest change time that was seen in it, in nanoseconds: its clock has reached
	// at least that.
	latest atomic.Int64
}

// notice records a time that the file system has set.
func (s *fileSystem) notice(nanoseconds int64) {
	for {
		latest := s.latest.Load()
		if nanoseconds <= latest || s.latest.CompareAndSwap(latest, nanoseconds) {
			return
		}
	}
}

// settled reports whether any change of the file from now on is sure to change its state. now is the
// time on our clock when the state was read, or earlier.
func (s state) settled(now time.Time) bool {
	clock := now.UnixNano()
	if s.system.kind == theirs {
		s.system.notice(s.changed)
		clock = s.system.latest.Load()
	}
	return s.changed < clock-int64(settling)
}

// fileSystems are those that this process has met, by device.
type fileSystems struct{ byDevice sync.Map }

var systems fileSystems

// find returns the file system of a device, which contains the file with that name or descriptor.
func (f *fileSystems) find(device uint64, descriptor int, name string) (*fileSystem, error) {
	if known, ok := f.byDevice.Load(device); ok {
		return known.(*fileSystem), nil
	}
	var s unix.Statfs_t
	err := error(nil)
	if name == "" {
		err = unix.Fstatfs(descriptor, &s)
	} else {
		err = unix.Statfs(name, &s)
	}
	if err != nil {
		return nil, err
	}
	found := &fileSystem{id: uint64(uint32(s.Fsid.Val[0]))<<32 | uint64(uint32(s.Fsid.Val[1])), kind: kinds[int64(s.Type)]} // Type has other types on other systems
	if found.id == 0 {
		found.id = device
	}
	known, _ := f.byDevice.LoadOrStore(device, found)
	return known.(*fileSystem), nil
}

// noticeDirectory records the change time of a directory, which is that of the last file added to it:
// this tells the clock of a network file system before files are read.
func (f *fileSystems) noticeDirectory(name string, info fs.FileInfo) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return
	}
	if system, err := f.find(uint64(stat.Dev), unix.AT_FDCWD, name); err == nil { // Dev has another type on other systems
		system.notice(time.Unix(stat.Ctim.Unix()).UnixNano())
	}
}
