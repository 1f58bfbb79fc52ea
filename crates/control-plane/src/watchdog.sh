# Run by bash: owns a process group, and ends it when the pipe at its standard input closes. The other end of that pipe is
# in the process that started it, so it closes however that process ends, a SIGKILL included.
# Argument: the directory to remove afterwards.
set -m # A background job gets a process group of its own.
tail -f /dev/null </dev/null >/dev/null 2>&1 &
group=$!
echo "$group"
exec >/dev/null 2>&1
while read -r _; do :; done

kill -KILL -- "-$group"
for _ in $(seq 40); do
    kill -0 -- "-$group" || break
    sleep 0.05
done
# Volumes that were still there: the provisioner makes empty directories outside ours; etcd knows which.
grep -raoh '/tmp/hostpath_pv/[0-9a-f-]\{36\}' "$1/etcd" | sort -u | while read -r volume; do rmdir -- "$volume"; done
rm -rf -- "$1"
