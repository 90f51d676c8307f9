# Runs a program on a disk of its own: 256 KiB, in memory, seen by nobody else, gone with the program.
#
# Arguments: the program and its arguments. It finds the disk by the variable JOBCRYPT_TEST_DISK.
folder=$(mktemp -d) || exit
mount -t tmpfs -o size=256k,mode=0700 none "$folder" || exit
JOBCRYPT_TEST_DISK=$folder "$@"
status=$?
umount --lazy "$folder"
rmdir "$folder"
exit $status
