# Installs the packages that it is given. What apt-get says is printed only where it fails.
set -e
export DEBIAN_FRONTEND=noninteractive

apt() {
    said=$(apt-get -qq -o DPkg::Lock::Timeout=300 "$@" 2>&1) || {
        echo "$said" >&2
        return 1
    }
}

case " $* " in
*" postgresql "*)
    # The package would make a database cluster of the machine's own and start it. The tests have no
    # use for it, and a machine that is only to run tests should not get one.
    folder=/etc/postgresql-common/createcluster.d
    settings=$folder/no-cluster-for-jobcrypt-tests.conf
    trap 'rm -f "$settings"; rmdir -p "$folder" 2>/dev/null || true' EXIT
    trap 'exit 130' INT TERM
    mkdir -p "$folder"
    echo "create_main_cluster = false" >"$settings"
    ;;
esac

# Lists that are old may still do; if not, the next command says so.
apt update || true
apt install -y --no-install-recommends "$@"
