#!/bin/sh
# Writes what protoc-c makes of the .proto files: headers to CMessages/include, sources beside.
#
#     Protos/generate.sh           into Protos/CMessages, which is committed
#     Protos/generate.sh DIR       into DIR, for the test that compares
#
# The same .proto files and the same protoc-c (1.4) give the same bytes. Needs the Debian packages protobuf-compiler
# and protobuf-c-compiler.
set -eu
export LC_ALL=C

protos=$(cd "$(dirname "$0")" && pwd)
target=${1:-$protos/CMessages}

for tool in protoc protoc-c; do
    command -v "$tool" >/dev/null || {
        echo "generate.sh: $tool is missing; apt-get install protobuf-compiler protobuf-c-compiler" >&2
        exit 1
    }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$protos"
protoc-c -I twins -I . --c_out="$work" twins/*.proto ./*.proto

mkdir -p "$target/include"
rm -f "$target"/*.pb-c.c "$target"/include/*.pb-c.h
mv "$work"/*.pb-c.h "$target/include/"
mv "$work"/*.pb-c.c "$target/"
cat >"$target/include/module.modulemap" <<'MAP'
module CMessages {
    umbrella "."
    export *
}
MAP
