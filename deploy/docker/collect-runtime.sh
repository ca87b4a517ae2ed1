#!/bin/bash
# Copy a virtual environment, and what its Python opens, into a root file system of their own.
#   collect-runtime.sh /opt/payments /runtime
set -o errexit -o nounset -o pipefail

venv=$1 root=$2
python=$(readlink --canonicalize "$venv/bin/python")
version=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
packages=$venv/lib/$version/site-packages

# Debug symbols and C sources are half of the libraries.
find "$venv" -name '*.so' -exec strip --strip-unneeded {} +
find "$packages" -type f \( -name '*.c' -o -name '*.h' -o -name '*.pxd' -o -name '*.pyi' -o -name '*.pyx' \) -delete
# SQLAlchemy's own tests, and the databases that this service does not have.
rm -rf "$packages"/sqlalchemy/{testing,dialects/{mssql,mysql,oracle,sqlite}}

mkdir --parents "$root"/{usr/{bin,lib,lib64},etc,opt,proc,tmp,run/secrets}
chmod 1777 "$root/tmp"
# Debian's directories: /lib is /usr/lib.
for folder in bin lib lib64; do
    [ ! -L "/$folder" ] || ln --symbolic "usr/$folder" "$root/$folder"
done

cp "$python" "$root/usr/bin/"
ln --symbolic "$(basename "$python")" "$root/usr/bin/python3"
cp --archive "/usr/lib/$version" "$root/usr/lib/"
(cd "$root/usr/lib/$version" && rm -rf test idlelib lib2to3 ensurepip pydoc_data tkinter turtledemo config-*)
find "$root" -name __pycache__ -prune -exec rm -rf {} +
cp --archive "$venv" "$root$venv"
rm -rf "$root$venv/include" "$root$venv"/bin/{activate*,Activate*}

# Every library that Python or one of its modules is linked to, and those of name resolution.
libraries=$(find "$root" -type f \( -name '*.so' -o -name '*.so.*' \) -print)
# shellcheck disable=SC2086 # one argument for each file; their names have no spaces
{ ldd "$python" $libraries | sed --quiet 's/^\t\(.* => \)\?\(\/[^ ]*\) (0x.*/\2/p'
    ls /lib/*-linux-gnu/libnss_{dns,files}.so.2
} | grep --invert-match "^$root" | sort --unique > libraries.txt
xargs --arg-file=libraries.txt cp --dereference --parents --target-directory="$root"

cp --parents --target-directory="$root" /etc/ssl/certs/ca-certificates.crt
mkdir --parents "$root/usr/lib/ssl"
ln --symbolic /etc/ssl/certs/ca-certificates.crt "$root/usr/lib/ssl/cert.pem"
echo 'payments:x:65532:65532::/nonexistent:/nonexistent' > "$root/etc/passwd"
echo 'payments:x:65532:' > "$root/etc/group"
echo 'hosts: files dns' > "$root/etc/nsswitch.conf"

# Bytecode whose validity depends on no time stamp: copying a layer may change those.
"$python" -m compileall -q --invalidation-mode unchecked-hash -s "$root" -p / \
    "$root/usr/lib/$version" "$root$packages"
