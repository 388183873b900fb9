#!/usr/bin/env bash
# Builds the Ollama that the tests need into ~/.cache/sweeper/ollama-VERSION/{bin,lib/ollama}.
#
#     build_ollama.sh VERSION PYTHON        PYTHON has sweeper installed
#
# Before 0.30 `go install` gives all there is: the engine is compiled into the server. From then on it gives
# the server alone; the programs that it starts, llama-server and llama-quantize, are built from the llama.cpp
# in the sdist that promotion takes its converter from. A finished build is left as it is; an unfinished one
# leaves nothing behind.
set -euo pipefail

version=$1
python=$2
cache=${SWEEPER_CACHE:-$HOME/.cache/sweeper}
target=$cache/ollama-$version

case $version in
0.[0-9].* | 0.[12][0-9].*) programs=() tools=(go c++) ;;
*) programs=(llama-server llama-quantize) tools=(go cmake c++ tar) ;;
esac

is_finished() {
    [[ -x $target/bin/ollama ]] || return 1
    for program in "${programs[@]}"; do
        [[ -x $target/lib/ollama/$program ]] || return 1
    done
}

is_finished && exit 0
for tool in "${tools[@]}"; do
    command -v "$tool" >/dev/null || { echo "$tool is needed to build the Ollama for the tests" >&2; exit 2; }
done

mkdir -p "$cache"
work=$(mktemp -d "$cache/ollama-build-XXXXXX")
trap 'rm -rf "$work"' EXIT
finished=$work/finished
mkdir -p "$finished/lib/ollama"

echo "Building Ollama $version for the tests, once (some ten minutes on two cores)"
# go install compiles C without optimisation unless it is told, and llama.cpp's CPU code is chosen by it.
if [[ $(uname -m) == x86_64 ]]; then flags="-O3 -march=x86-64-v3"; else flags=-O3; fi
if ((${#programs[@]} == 0)); then export CGO_CFLAGS=$flags CGO_CXXFLAGS=$flags; fi
CGO_ENABLED=1 GOBIN=$finished/bin go install "github.com/ollama/ollama@v$version" >"$work/go.log" 2>&1 ||
    { tail -n 20 "$work/go.log" >&2; exit 1; }

if ((${#programs[@]})); then
    sdist=$("$python" -m sweeper.promote.sdist)
    tar -xzf "$sdist" -C "$work"
    source=$(echo "$work"/llama_cpp_python-*/vendor/llama.cpp)
    if command -v ninja >/dev/null; then export CMAKE_GENERATOR=Ninja; fi
    # The programs look for their libraries beside themselves: the folder they are built in goes away.
    cmake -S "$source" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_BUILD_RPATH_USE_ORIGIN=ON \
        -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_UI=OFF
    cmake --build "$work/build" --parallel "$(getconf _NPROCESSORS_ONLN)" --target "${programs[@]}"
    cp -a "$work"/build/bin/*.so* "$finished/lib/ollama"
    for program in "${programs[@]}"; do cp -a "$work/build/bin/$program" "$finished/lib/ollama"; done

    rm -rf "$work/build" "$source"
    "$finished/lib/ollama/llama-server" --version >/dev/null 2>&1 ||
        { echo "the llama-server that was built does not start" >&2; exit 1; }
fi

rm -rf "$target"
mv "$finished" "$target"
