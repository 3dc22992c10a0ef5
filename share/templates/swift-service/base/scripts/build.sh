#!/bin/sh
# Builds the service and puts it into dist/, where nothing else that is built with the same cache touches it.
set -eu
swift build --product service
mkdir -p dist
# Copied beside and renamed, so that a running one is not written over.
cp "$(swift build --show-bin-path)/service" dist/service.new
mv dist/service.new dist/service
