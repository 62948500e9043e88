package doctor

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/org/gocache-action/internal/samedir"
)

// networkKinds are file systems whose files lie on another machine, or behind a program that
// fetches them.
var networkKinds = map[string]string{
	"nfs": "NFS", "nfs4": "NFS", "cifs": "a Windows share (SMB)", "smb3": "a Windows share (SMB)", "smbfs": "a Windows share (SMB)",
	"9p": "a disk of the host (9p)", "drvfs": "a disk of Windows (drvfs)", "ceph": "Ceph", "glusterfs": "GlusterFS", "lustre": "Lustre",
	"afs": "AFS", "gfs2": "GFS2", "ocfs2": "OCFS2", "beegfs": "BeeGFS", "vboxsf": "a folder of the host (VirtualBox)", "prl_fs": "a folder of the host (Parallels)",
	"fuse.sshfs": "SSHFS", "fuse.s3fs": "a bucket (s3fs)", "fuse.gcsfuse": "a bucket (gcsfuse)", "fuse.rclone": "rclone", "fuse.glusterfs": "GlusterFS",
	"fuse.grpcfuse": "a folder of the host (gRPC FUSE)", "fuse.vmhgfs-fuse": "a folder of the host (VMware)", "fuse.goofys": "a bucket (goofys)", "fuse.mount-s3": "a bucket (mount-s3)",
}

// describe adds the kind of the file system, which the list of mounts has by name.
func describe(v *volume, s unix.Statfs_t, dir string) {
	v.noExec = s.Flags&unix.ST_NOEXEC != 0
	v.readOnly = s.Flags&unix.ST_RDONLY != 0
	data, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return
	}
	v.kind = mountKind(string(data), samedir.Real(dir))
	v.remote, v.network = networkKinds[v.kind]
	if s.Type == unix.NFS_SUPER_MAGIC { // mounted on demand, perhaps
		v.remote, v.network = networkKinds["nfs"], true
	}
}

// mountKind finds in a list of mounts the kind of that under which a directory lies: the deepest,
// and of several at one place the last.
func mountKind(mounts, dir string) (kind string) {
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	longest := -1
	for line := range strings.Lines(mounts) {
		w := strings.Fields(line)
		if len(w) < 3 {
			continue
		}
		at := unescape.Replace(w[1])
		if at != "/" && dir != at && !strings.HasPrefix(dir, at+"/") {
			continue
		}
		if len(at) >= longest {
			longest, kind = len(at), w[2]
		}
	}
	return kind
}
