package doctor

import "golang.org/x/sys/unix"

// networkKinds are file systems whose files lie on another machine.
var networkKinds = map[string]string{
	"nfs": "NFS", "smbfs": "a Windows share (SMB)", "afpfs": "an AFP share", "webdav": "WebDAV", "ftp": "FTP",
	"macfuse": "a FUSE file system", "osxfuse": "a FUSE file system",
}

// describe adds the kind of the file system.
func describe(v *volume, s unix.Statfs_t, _ string) {
	v.kind = unix.ByteSliceToString(s.Fstypename[:])
	v.noExec = s.Flags&unix.MNT_NOEXEC != 0
	v.readOnly = s.Flags&unix.MNT_RDONLY != 0
	v.remote, v.network = networkKinds[v.kind]
}
