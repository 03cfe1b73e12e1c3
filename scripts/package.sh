#!/usr/bin/env bash
# Makes a tarball of all that is needed on another machine of the same system: the programs,
# libtensorflow beside them, manual pages, completions and licences. The programs find the
# library by their own place, so that the tarball can be unpacked anywhere.
#
#   scripts/package.sh VERSION     prints the tarball's name
#
# Made twice of one commit on one machine, it is the same byte for byte: times are that of the
# commit, and no path of this machine is in the programs.
set -euo pipefail
cd "$(dirname "$0")/.."
version=${1:-$(git describe --tags --always --dirty)}
name=fovea-$version-$(go env GOOS)-$(go env GOARCH)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
stage=dist/$name
library=$(scripts/deps.sh dir)

rm -rf "$stage"
mkdir -p "$stage/bin" "$stage/lib" "$stage/share/doc/fovea"
export CGO_CFLAGS="-O2 -I$library/include"
case "$(go env GOOS)" in
darwin) origin=@loader_path ;;
*) origin='$ORIGIN' ;;
esac
export CGO_LDFLAGS="-O2 -L$library/lib -Wl,-rpath,$origin/../lib -ltensorflow_framework"
go build -trimpath -ldflags "-s -w -buildid= -X fovea/app/cli.version=$version" -o "$stage/bin/" ./cmd/...

# The names by which the programs and the library itself ask for it.
cp -P "$library"/lib/libtensorflow* "$stage/lib/"
if [ -d "$library/nvidia" ]; then cp -RP "$library/nvidia" "$stage/"; fi # the GPU build's CUDA
cp LICENSE NOTICE README.md CHANGELOG.md "$stage/share/doc/fovea/"
cp docs/*.md docs/*.json "$stage/share/doc/fovea/"
for program in extract finetune; do
	"$stage/bin/$program" man "$stage/share/man/man1"
	for shell in bash zsh fish; do
		case $shell in
		bash) file=bash-completion/completions/$program ;;
		zsh) file=zsh/site-functions/_$program ;;
		fish) file=fish/vendor_completions.d/$program.fish ;;
		esac
		mkdir -p "$(dirname "$stage/share/$file")"
		"$stage/bin/$program" completion $shell >"$stage/share/$file"
	done
done
tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode='u+rw,go+r-w,a+X' \
	-cf - -C dist "$name" | gzip -n -6 >"$stage.tar.gz"
rm -rf "$stage"
echo "$stage.tar.gz"
