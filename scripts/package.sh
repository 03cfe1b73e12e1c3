#!/usr/bin/env bash
# Makes a tarball of everything that another machine with the same system needs: the programs, libtensorflow
# beside them, the documentation, manual pages, completions, licences and the bill of materials. The programs
# find the library relative to themselves, so the tarball can be unpacked anywhere.
#
#   scripts/package.sh VERSION     prints the tarball's name
#
# Beside the tarball are the bill of materials once more (.cdx.json, CycloneDX) and the checksums of both
# (.sha256, for sha256sum --check).
#
# Two tarballs of the same commit made with the same compilers are identical byte for byte: all times are
# the commit's, and the programs contain no path of the machine.
set -euo pipefail
cd "$(dirname "$0")/.."
version=${1:-$(git describe --tags --always --dirty)}
name=fovea-$version-$(go env GOOS)-$(go env GOARCH)
eval "$(scripts/deps.sh env programs)" # for the bill of materials' program, too
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
stage=dist/$name

rm -rf "$stage"
mkdir -p "$stage/share/doc/fovea"
scripts/programs.sh "$stage/bin" "$stage/lib" . "-s -w -buildid= -X fovea/app/cli.version=$version"
mkdir -p "$stage/share/doc/fovea/libraries" # the licenses of those that decode AVIF and HEIC
cp scripts/licenses/* "$(scripts/codecs.sh dir)"/*LICENSE* "$stage/share/doc/fovea/libraries/"
# As in the repository, so that the links between them lead somewhere.
cp LICENSE NOTICE ./*.md "$stage/share/doc/fovea/"
cp -R deploy "$stage/share/doc/fovea/"
mkdir "$stage/share/doc/fovea/docs"
find docs -maxdepth 1 -type f ! -name '*.go' -exec cp {} "$stage/share/doc/fovea/docs/" \;
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
{ scripts/deps.sh wheels && scripts/codecs.sh wheels; } | go run ./scripts/sbom --version "$version" --epoch "$SOURCE_DATE_EPOCH" --stage "$stage" \
	--licenses "$stage/share/doc/fovea/licenses" >"$stage.cdx.json"
cp "$stage.cdx.json" "$stage/share/doc/fovea/fovea.cdx.json"
tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode='u+rw,go+r-w,a+X' \
	-cf - -C dist "$name" | gzip -n -6 >"$stage.tar.gz"
rm -rf "$stage"
(cd dist && sha256sum "$name.tar.gz" "$name.cdx.json" >"$name.sha256")
echo "$stage.tar.gz"
