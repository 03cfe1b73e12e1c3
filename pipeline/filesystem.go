package pipeline

import (
	"io/fs"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// timeliness says what the time of a file's last change (ctime) is worth.
type timeliness int

const (
	// vague: it is made up, or can be set, so that another content may have the same. Such are
	// FAT, images of read-only file systems, and most of what is mounted by FUSE.
	vague timeliness = iota
	// ours: this machine's kernel sets it, by this machine's clock.
	ours
	// theirs: another machine sets it, by a clock that must not be compared with ours.
	theirs
)

// kinds are the file systems that set the time of the last change with every change. Those that
// are not here are vague.
var kinds = map[int64]timeliness{
	unix.EXT4_SUPER_MAGIC: ours, unix.XFS_SUPER_MAGIC: ours, unix.BTRFS_SUPER_MAGIC: ours,
	unix.TMPFS_MAGIC: ours, unix.RAMFS_MAGIC: ours, unix.OVERLAYFS_SUPER_MAGIC: ours, unix.F2FS_SUPER_MAGIC: ours,
	0x2fc12fc1: ours, 0xca451a4e: ours, 0x3153464a: ours, // ZFS, bcachefs, JFS

	unix.NFS_SUPER_MAGIC: theirs, unix.CIFS_SUPER_MAGIC: theirs, unix.SMB2_SUPER_MAGIC: theirs,
	unix.CEPH_SUPER_MAGIC: theirs, 0x0bd00bd0: theirs, // Lustre
}

// settling is the time after a change from which on another one is sure to have another time. The
// coarsest clocks of file systems tick every second or two. It is a variable for tests alone.
var settling = 2 * time.Second

// fileSystem is one that files were seen in.
type fileSystem struct {
	id   uint64 // its own, or else that of its device
	kind timeliness
	// latest is the latest time that it was seen to give, in nanoseconds: its clock says at
	// least that.
	latest atomic.Int64
}

// notice hears of a time that the file system has given.
func (s *fileSystem) notice(nanoseconds int64) {
	for {
		latest := s.latest.Load()
		if nanoseconds <= latest || s.latest.CompareAndSwap(latest, nanoseconds) {
			return
		}
	}
}

// settled says whether whatever changes the file from now on is sure to change its state. now is
// the time on our clock, not after the state was seen.
func (s state) settled(now time.Time) bool {
	clock := now.UnixNano()
	if s.system.kind == theirs {
		s.system.notice(s.changed)
		clock = s.system.latest.Load()
	}
	return s.changed < clock-int64(settling)
}

// fileSystems are those that this process has come across, by device.
type fileSystems struct{ byDevice sync.Map }

var systems fileSystems

// find is the file system of a device, on which the file of that name or descriptor is.
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
	found := &fileSystem{id: uint64(uint32(s.Fsid.Val[0]))<<32 | uint64(uint32(s.Fsid.Val[1])), kind: kinds[int64(s.Type)]} //nolint:unconvert // Type has other types elsewhere
	if found.id == 0 {
		found.id = device
	}
	known, _ := f.byDevice.LoadOrStore(device, found)
	return known.(*fileSystem), nil
}

// noticeDirectory hears of a directory, whose time is that of the last file that came into it: so
// the clock of a network file system is known before files are read.
func (f *fileSystems) noticeDirectory(name string, info fs.FileInfo) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return
	}
	if system, err := f.find(uint64(stat.Dev), unix.AT_FDCWD, name); err == nil { //nolint:unconvert // Dev has another type elsewhere
		system.notice(time.Unix(stat.Ctim.Unix()).UnixNano())
	}
}
