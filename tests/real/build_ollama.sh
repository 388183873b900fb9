#!/usr/bin/env bash
# Builds the Ollama that the tests need into ~/.cache/sweeper/ollama-VERSION/{bin,lib/ollama}.
#
#     build_ollama.sh VERSION PYTHON        PYTHON has sweeper installed
#
# `go install` gives the server alone; the programs that it starts, llama-server and llama-quantize, are
# built from the llama.cpp in the sdist that promotion takes its converter from. A finished build is left
# as it is; an unfinished one leaves nothing behind.
set -euo pipefail

version=$1
python=$2
cache=${SWEEPER_CACHE:-$HOME/.cache/sweeper}
target=$cache/ollama-$version

if [[ -x $target/bin/ollama && -x $target/lib/ollama/llama-server && -x $target/lib/ollama/llama-quantize ]]; then
    exit 0
fi
for tool in go cmake c++ tar; do
    command -v "$tool" >/dev/null || { echo "$tool is needed to build the Ollama for the tests" >&2; exit 2; }
done

mkdir -p "$cache"
work=$(mktemp -d "$cache/ollama-build-XXXXXX")
trap 'rm -rf "$work"' EXIT
finished=$work/finished
mkdir -p "$finished/lib/ollama"

echo "Building Ollama $version for the tests, once (some ten minutes on two cores)"
sdist=$("$python" -m sweeper.promote.sdist)
CGO_ENABLED=1 GOBIN=$finished/bin go install "github.com/ollama/ollama@v$version"

tar -xzf "$sdist" -C "$work"
source=$(echo "$work"/llama_cpp_python-*/vendor/llama.cpp)
if command -v ninja >/dev/null; then export CMAKE_GENERATOR=Ninja; fi
# The programs look for their libraries beside themselves: the folder they are built in goes away.
cmake -S "$source" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_BUILD_RPATH_USE_ORIGIN=ON \
    -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_UI=OFF
cmake --build "$work/build" --parallel "$(getconf _NPROCESSORS_ONLN)" --target llama-server llama-quantize
cp -a "$work"/build/bin/*.so* "$work/build/bin/llama-server" "$work/build/bin/llama-quantize" "$finished/lib/ollama"

rm -rf "$work/build" "$source"
"$finished/lib/ollama/llama-server" --version >/dev/null 2>&1 ||
    { echo "the llama-server that was built does not start" >&2; exit 1; }

rm -rf "$target"
mv "$finished" "$target"
